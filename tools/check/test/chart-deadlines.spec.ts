import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { CALLS, matchesCall, SERVICES, type ServiceName } from '@catamaran/contracts'
import { readObjects } from '../src/chart-objects.js'

interface Route {
  readonly timeout?: string
  readonly retries?: { readonly attempts: number; readonly retryOn?: string }
}
interface Spec {
  readonly service?: Route
  readonly http?: readonly Route[]
}

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const INSTALLATIONS = ['dev', 'eks', 'gke', 'options', 'gateway-api']
const textOf = (service: string): string =>
  globSync(`apps/${service}/src/**/*.ts`, { cwd: ROOT })
    .map((path) => readFileSync(`${ROOT}${path}`, 'utf8'))
    .join('\n')
const SOURCES = new Map(SERVICES.map((service) => [service, textOf(service)]))
const sourceOf = (service: ServiceName): string => SOURCES.get(service) ?? ''
const number = (text: string | undefined): number => Number(text?.replaceAll('_', ''))
const CLIENT = readFileSync(`${ROOT}libs/platform/src/http-client.ts`, 'utf8')

/** How the gateway marks a path that long bodies are sent to. */
const UPLOAD = /'(\/[^']*)': \{ isUpload: true[^}]*\}/g

/** All deadlines that a service's code sets for its calls to other services, as numbers or as constants of its own; and what holds where it sets none. */
function deadlinesOf(service: ServiceName): number[] {
  const source = sourceOf(service).replaceAll(UPLOAD, '')
  const named = [...source.matchAll(/deadlineMs: ([A-Z][A-Z_]*|[\d_]+)\b/g)].map(([, name = '']) =>
    /^\d/.test(name) ? number(name) : number(new RegExp(`const ${name} = ([\\d_]+)\\b`).exec(source)?.[1]),
  )
  const configured = number(/ DEADLINE_MS: env\.ms\.default\(([\d_]+)\)/.exec(source)?.[1] ?? '0')
  return [...named, configured, number(/deadlineMs = ([\d_]+)/.exec(CLIENT)?.[1])]
}

/** Those whose requests may last as long as they like. */
const hasStreams = (service: ServiceName): boolean => sourceOf(service).includes('text/event-stream')

/** The routes to each service, written by the chart or, by the Canary, by Flagger. */
const routesOf = (installation: string): [service: string, route: Route][] =>
  readObjects(readFileSync(`${ROOT}deploy/helm/rendered/${installation}.yaml`, 'utf8'))
    .filter(({ kind }) => ['VirtualService', 'Canary'].includes(kind))
    .flatMap(({ metadata, spec }): [string, Route][] => {
      const { http = [], service } = spec as unknown as Spec
      const name = metadata.name === 'edge' ? 'api-gateway' : metadata.name
      return [...http, ...(service ? [service] : [])].map((route) => [name, route])
    })

describe('the mesh between the services', () => {
  it('gives up only after every caller has: each knows what to say then', () => {
    for (const installation of INSTALLATIONS) {
      const routes = routesOf(installation)
      assert.deepEqual(
        new Set(routes.map(([service]) => service)),
        new Set(SERVICES.filter((name) => installation !== 'gateway-api' || name !== 'api-gateway')),
        installation,
      )
      for (const [to, { timeout }] of routes) {
        const callers = SERVICES.filter((from) => CALLS.some((rule) => rule.to === to && [from, '*'].includes(rule.from)))
        const longest = Math.max(...callers.flatMap(deadlinesOf), 0)
        // Without one there is none; Istio refuses 0s.
        const timeoutMs = timeout === undefined ? Infinity : number(/^([1-9]\d*)s$/.exec(timeout)?.[1]) * 1000
        assert.ok(timeoutMs >= 2 * longest && !Number.isNaN(longest), `${installation}: ${to} after ${timeout}, its callers ${longest} ms`)
      }
    }
    assert.equal(Math.max(...deadlinesOf('api-gateway')), 10_000)
    assert.equal(Math.max(...deadlinesOf('core-service')), 8_000)
  })

  it('never ends what lasts: streams, and uploads by a caller with another deadline', () => {
    const uploads = [...sourceOf('api-gateway').matchAll(UPLOAD)].map(([, path = '']) => path)
    assert.ok(uploads.length > 0)
    const lasting = SERVICES.filter(
      (to) => hasStreams(to) || uploads.some((path) => CALLS.some((rule) => rule.to === to && matchesCall(rule, 'POST', path))),
    )
    assert.deepEqual(lasting.toSorted(), ['api-gateway', 'core-service'])
    for (const installation of INSTALLATIONS)
      for (const [to, { timeout }] of routesOf(installation))
        if (lasting.includes(to as ServiceName)) assert.equal(timeout, undefined, installation)
  })

  it('sends again only what never left: whether a write may be doubled is the services’ to know', () => {
    for (const installation of INSTALLATIONS)
      for (const [to, { retries }] of routesOf(installation))
        assert.deepEqual(retries, { attempts: 2, retryOn: 'connect-failure,refused-stream' }, `${installation}: ${to}`)
  })
})
