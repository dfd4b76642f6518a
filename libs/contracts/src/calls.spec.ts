import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CALLS, callScopesOf, matchesCall, type ServiceName } from './calls.js'
import { ERRORS } from './errors.js'

const callers = (to: ServiceName, method: string, path: string): string[] =>
  CALLS.filter((rule) => rule.to === to && matchesCall(rule, method, path)).map(({ from }) => from)

test('the gateway never calls aux, and nothing calls the gateway', () => {
  assert.ok(CALLS.every(({ from, to }) => !(from === 'api-gateway' && to === 'aux-service')))
  assert.ok(CALLS.every(({ to }) => to !== 'api-gateway'))
})

test('only core may read notifications from aux, and only by GET', () => {
  assert.deepEqual(callers('aux-service', 'GET', '/internal/notifications'), ['core-service'])
  assert.deepEqual(callers('aux-service', 'POST', '/internal/notifications'), [])
  assert.deepEqual(callers('aux-service', 'GET', '/internal/notifications/1'), [])
})

test('a prefix does not match a path that merely begins alike', () => {
  assert.deepEqual(callers('auth-service', 'POST', '/v1/usersX'), [])
  assert.deepEqual(callers('auth-service', 'POST', '/v1/users'), ['api-gateway'])
})

test('a service gets the scopes of its own rows', () => {
  assert.deepEqual(callScopesOf('api-gateway').sort(), ['call:auth-service', 'call:core-service'])
  assert.deepEqual(callScopesOf('core-service').sort(), ['call:auth-service', 'call:aux-service'])
  assert.deepEqual(callScopesOf('auth-service'), ['call:core-service'])
  assert.deepEqual(callScopesOf('aux-service'), ['call:core-service'])
})

test('every error code is named <area>.<what> and has a status of its kind', () => {
  const statuses: Record<string, number[]> = {
    invalid: [400, 405, 408, 413, 415, 422, 428, 431],
    unauthenticated: [401],
    forbidden: [403],
    'not-found': [404],
    conflict: [409, 412],
    limited: [429],
    unavailable: [503, 504],
    internal: [500],
  }
  for (const [code, { kind, status }] of Object.entries(ERRORS)) {
    assert.match(code, /^(internal|[a-z]+\.[a-z-]+)$/)
    assert.ok(statuses[kind]?.includes(status), code)
  }
})
