import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { AUDIENCE, CALLS, matchesCall, SERVICES } from '@catamaran/contracts'
import { readObjects } from '../src/chart-objects.js'
import { NAMESPACE, Reach, type Workload } from './reach.js'

const textOf = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../../../deploy/helm/rendered/${name}.yaml`, import.meta.url)), 'utf8')
const INSTALLATIONS = ['dev', 'eks', 'gke', 'options'].map((name) => [name, textOf(name)] as const)

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT']
/** Of each class of routes in the table one that is in it, one below, one beside; and what is in none. */
const PATHS = [
  ...new Set(
    CALLS.flatMap(({ paths }) =>
      paths.flatMap((path) => [path.replace('*', 'x'), path.replace('*', 'x/y'), `${path.replace(/\/?\*$/, '')}-z`]),
    ),
  ),
  ...['/', '/internal/none', '/livez', '/metrics', '/V1/products', '//v1/products'],
]
const ROUTES = METHODS.flatMap((method) => PATHS.map((path) => ({ port: 4000, method, path })))

const INGRESS: Workload = { name: 'ingress', namespace: 'istio-ingress', labels: { istio: 'ingress' }, account: 'istio-ingress' }
const PROMETHEUS: Workload = { name: 'prometheus', namespace: 'monitoring', labels: {} }
/** Pods that look as much like a service's as they may. */
const strangers = (like: Workload): Workload[] => [
  { name: 'a Pod of the namespace', namespace: NAMESPACE, labels: {}, account: 'default' },
  { name: 'one with a service’s labels', namespace: NAMESPACE, labels: like.labels, account: 'default' },
  { ...like, name: 'one of the same name elsewhere', namespace: 'staging' },
  { name: 'one without a sidecar', namespace: NAMESPACE, labels: like.labels },
]

const tableAllows = (from: string, to: string, method: string, path: string): boolean =>
  CALLS.some((rule) => [from, '*'].includes(rule.from) && rule.to === to && matchesCall(rule, method, path))

describe('what the charts make of the call table', () => {
  for (const [name, text] of INSTALLATIONS) {
    const reach = new Reach(text)
    const cell = (from: Workload, to: Workload, isAllowed: (method: string, path: string) => boolean): string[] =>
      ROUTES.filter((route) => reach.allows(from, to, route) !== isAllowed(route.method, route.path)).map(
        ({ method, path }) => `${from.name} → ${to.name} ${method} ${path}`,
      )

    it(`lets each service, old and new, call what the table says and nothing else: ${name}`, () => {
      assert.equal(reach.services.length, 2 * SERVICES.length)
      const different = reach.services.flatMap((from) =>
        reach.services.flatMap((to) => cell(from, to, (method, path) => tableAllows(from.name, to.name, method, path))),
      )
      assert.deepEqual(different, [])
    })

    it(`lets the outside to the gateway only, migrations, tests and strangers nowhere: ${name}`, () => {
      const different = reach.services.flatMap((to) => [
        ...cell(INGRESS, to, () => to.name === 'api-gateway'),
        ...[PROMETHEUS, ...reach.jobs, ...reach.services.slice(0, SERVICES.length).flatMap(strangers)].flatMap((from) =>
          cell(from, to, () => false),
        ),
        ...reach.services.flatMap((from) => reach.jobs.flatMap((job) => cell(from, job, () => false))),
      ])
      assert.deepEqual(different, [])
    })

    it(`lets metrics and the admin port be seen from the monitoring’s namespace only: ${name}`, () => {
      const admin = { port: 4010, method: 'GET', path: '/metrics' }
      for (const to of reach.services) {
        assert.ok(reach.allows(PROMETHEUS, to, admin))
        for (const from of [INGRESS, ...reach.services, ...strangers(to)])
          assert.equal(reach.allows(from, to, admin), false, `${from.name} → ${to.name}`)
      }
    })
  }

  it('is seen when a policy opens more than the table, or less', () => {
    const [, text = ''] = INSTALLATIONS.find(([name]) => name === 'eks') ?? []
    const reach = new Reach(text)
    const find = (name: string) => reach.services.find((it) => it.name === name) as Workload
    const notifications = { port: 4000, method: 'GET', path: '/internal/notifications' }
    const pair = [find('core-service'), find('aux-service')] as const
    const after = (from: string | RegExp, to: string) => new Reach(text.replace(from, to)).allows(...pair, notifications)
    assert.equal(after('', ''), true)
    assert.equal(after(/- \/internal\/notifications$/gm, '- /internal/notes'), false)
    assert.equal(after(/sa\/core-service$/gm, 'sa/core'), false)
    assert.equal(after(/port: 4000/g, 'port: 4001'), false)
    assert.equal(reach.allows(find('api-gateway'), pair[1], notifications), false)
    const open = text.replace('kind: AuthorizationPolicy\nmetadata:\n  name: aux-service', 'kind: None\nmetadata:\n  name: aux-service')
    assert.equal(new Reach(open).allows(...pair, notifications), false)
  })

  it('has proxies look at both tokens by one rule, of our audience, nowhere before the gateway', () => {
    for (const name of ['eks', 'gke', 'options']) {
      const rules = readObjects(textOf(name)).filter(({ kind }) => kind === 'RequestAuthentication')
      assert.deepEqual(rules.map(({ metadata }) => metadata.name).toSorted(), ['auth-service', 'aux-service', 'core-service'])
      for (const { spec } of rules) {
        const { jwtRules } = spec as unknown as { jwtRules: { audiences: string[]; fromHeaders: { name: string }[] }[] }
        assert.deepEqual(
          jwtRules.map(({ audiences, fromHeaders }) => [audiences, fromHeaders.map((header) => header.name)]),
          [[[AUDIENCE], ['Authorization', 'X-Service-Token']]],
        )
      }
    }
  })
})
