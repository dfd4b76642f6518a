import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, test } from 'node:test'
import { z } from 'zod'
import { runInContext } from '../src/context.js'
import { HttpClient } from '../src/http-client.js'
import type { ServiceTokens } from '../src/service-tokens.js'

const answer = z.object({ ok: z.boolean() })
const tokens = { current: () => 'service-token' } as unknown as ServiceTokens
let handle: (request: IncomingMessage, response: ServerResponse) => void
let seen: IncomingMessage[] = []
const server = createServer((request, response) => {
  seen.push(request)
  handle(request, response)
})
let client: HttpClient

const json = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  client = new HttpClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, tokens)
})
beforeEach(() => {
  seen = []
})
after(async () => {
  await client.onApplicationShutdown()
  server.close()
})

test('a call carries both tokens, the request id and the trace', async () => {
  handle = (_request, response) => json(response, 200, { ok: true })
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`
  const call = () => client.call({ path: '/x', query: { limit: 2, cursor: undefined }, answer })
  assert.deepEqual(await runInContext({ requestId: 'req_1', traceparent, authorization: 'Bearer caller', fields: {} }, call), { ok: true })
  const { headers, url } = seen[0] as IncomingMessage
  assert.equal(url, '/x?limit=2')
  assert.deepEqual(
    [headers['x-service-token'], headers.authorization, headers['x-request-id'], headers['traceparent']],
    ['service-token', 'Bearer caller', 'req_1', traceparent],
  )
})

test('what may be sent twice is retried until it succeeds, at most three times in all', async () => {
  handle = (_request, response) => json(response, seen.length < 3 ? 503 : 200, { ok: true })
  assert.deepEqual(await client.call({ path: '/x', answer }), { ok: true })
  assert.equal(seen.length, 3)
  seen = []
  handle = (_request, response) => json(response, 503, {})
  await assert.rejects(client.call({ path: '/x', answer }), { code: 'service.unavailable' })
  assert.equal(seen.length, 3)
})

test('a POST is sent once', async () => {
  handle = (_request, response) => json(response, 503, {})
  await assert.rejects(client.call({ method: 'POST', path: '/x', body: {}, answer }), { code: 'service.unavailable' })
  assert.equal(seen.length, 1)
})

test('a silent service costs no more than the deadline', async () => {
  handle = () => undefined
  const startedAt = performance.now()
  await assert.rejects(client.call({ path: '/x', answer, deadlineMs: 100 }), { code: 'service.timeout' })
  assert.ok(performance.now() - startedAt < 1_000)
})

test('what the other side says of the input is passed on, what it says of us is not', async () => {
  const problem = (code: string, status: number) => ({ type: `/problems/${code}`, title: 't', status, detail: 'd', code, requestId: 'r' })
  handle = (_request, response) => json(response, 400, problem('request.invalid-cursor', 400))
  await assert.rejects(client.call({ path: '/x', answer }), { code: 'request.invalid-cursor' })
  handle = (_request, response) => json(response, 403, problem('auth.caller-not-allowed', 403))
  await assert.rejects(client.call({ path: '/x', answer }), { code: 'internal' })
})
