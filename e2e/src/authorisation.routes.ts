import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { CALLS, matchesCall, SERVICES, type ServiceName } from '@catamaran/contracts'
import type { GuardedRoute } from '@catamaran/platform'
import type { RunningSystem } from '@catamaran/stack'

export type Access = GuardedRoute['access']

/** A route of a running service in the words of OpenAPI: `GET /v1/orders/{id}`. */
export interface Route {
  readonly name: string
  readonly service: ServiceName
  readonly access: Access
}

const NOWHERE = '127.0.0.1:9'
/** A service that only describes itself reaches nothing, least of all the stores of the running one. */
const REACHES_NOTHING = {
  ...{ PORT: '0', ADMIN_PORT: '0', LOG_LEVEL: 'silent' },
  ...{ REDIS_URL: `redis://${NOWHERE}`, DYNAMODB_ENDPOINT: `http://${NOWHERE}`, KAFKA_BROKERS: NOWHERE, SMTP_URL: `smtp://${NOWHERE}` },
  ...{ AUTH_URL: `http://${NOWHERE}`, CORE_URL: `http://${NOWHERE}`, AUX_URL: `http://${NOWHERE}`, FLAGS_URL: `http://${NOWHERE}` },
}

/** What a service answers to the argument `routes`, with the environment of the running one. */
const printedBy = async (service: ServiceName, { serviceEnv }: RunningSystem): Promise<GuardedRoute[]> => {
  const main = fileURLToPath(new URL(`../../../apps/${service}/dist/src/main.js`, import.meta.url))
  const own = serviceEnv[service] ?? {}
  const database = own['DATABASE_URL'] === undefined ? {} : { DATABASE_URL: `postgres://nobody@${NOWHERE}/nothing` }
  const env = { PATH: process.env['PATH'], ...own, ...REACHES_NOTHING, ...database }
  const { stdout } = await promisify(execFile)(process.execPath, [main, 'routes'], { env, timeout: 240_000, maxBuffer: 2 ** 24 })
  return JSON.parse(stdout) as GuardedRoute[]
}

const named = (method: string, url: string): string => `${method} ${url.replace(/:(\w+)/g, '{$1}').replace(/(.)\/$/, '$1')}`

/** HEAD comes with each GET, and is called beside it; a wildcard for all methods is one route. */
const routesOf = (service: ServiceName, printed: readonly GuardedRoute[]): Route[] =>
  printed.flatMap(({ methods, url, access }) =>
    (methods.length > 5 ? ['ALL'] : methods.filter((method) => method !== 'HEAD')).map((method) => ({
      ...{ name: named(method, url), service, access },
    })),
  )

/** Whether the gateway only passes on what comes to this route of its own. */
const isForwarding = ({ name, service }: Route): boolean => {
  const path = name.split(' ')[1] as string
  return service === 'api-gateway' && CALLS.some((rule) => rule.from === 'api-gateway' && rule.isForwarded && rule.paths.includes(path))
}

/** Where the gateway answers 405: its own pages take GET only. */
const isRefusal = ({ name, service }: Route): boolean => service === 'api-gateway' && !name.startsWith('GET ') && !name.startsWith('ALL ')

/** Every route of the running services, those without a document too, but for the gateway's wildcards and refusals. */
export const routesOfSystem = async (system: RunningSystem): Promise<Route[]> => {
  const all = await Promise.all(SERVICES.map(async (service) => routesOf(service, await printedBy(service, system))))
  return all.flat().filter((route) => !isForwarding(route) && !isRefusal(route))
}

/** Whether the call table lets the gateway pass a request on. */
export const isPublic = (service: ServiceName, method: string, path: string): boolean =>
  CALLS.some((rule) => rule.to === service && rule.from === 'api-gateway' && rule.isForwarded && matchesCall(rule, method, path))

interface Operation {
  readonly security?: readonly Record<string, readonly string[]>[]
  readonly 'x-partner-role'?: string
  readonly 'x-max-age'?: number
}

/** What the served OpenAPI document says of each operation's callers, by the operation's name. */
export const documentedAccess = async (gateway: string): Promise<Map<string, Access>> => {
  const answer = await fetch(`${gateway}/openapi.json`, { signal: AbortSignal.timeout(10_000) })
  const { paths } = (await answer.json()) as { paths: Record<string, Record<string, Operation>> }
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, accessOf(operation)] as const),
  )
  return new Map(operations)
}

const accessOf = ({ security, 'x-partner-role': role, 'x-max-age': freshS }: Operation): Access => {
  const scope = Object.values(security?.[0] ?? {})[0]?.[0]
  if (scope === undefined) return { scope: null }
  return { scope, ...(role && { role }), ...(freshS && { freshS }) } as Access
}
