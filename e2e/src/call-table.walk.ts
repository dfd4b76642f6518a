import { CALLS, callScope, matchesCall, SERVICES, type ServiceName } from '@catamaran/contracts'
import { ServiceTokens } from '@catamaran/platform'
import type { RunningSystem } from '@catamaran/stack'
import { faultsOf, gatewayOf, send, serviceOf, type Answer } from './authorisation.calls.js'
import type { Row } from './authorisation.table.js'
import { pathOf, type Walk } from './authorisation.walk.js'

/** What a service fetches before it has a token; the one exception. */
const WITHOUT_TOKEN = ['/oidc/jwks', '/oidc/token']
/** Stands for the wildcard of OpenID Connect. */
const OIDC = ['/oidc/auth', '/oidc/.well-known/openid-configuration', '/oidc/token/revocation', '/oidc/session/end', ...WITHOUT_TOKEN]

interface Caller {
  readonly who: string
  readonly token: string | undefined
}

/** The services as they really are: with tokens that they fetch by their own keys. */
const realServices = async (system: RunningSystem): Promise<Record<ServiceName, string>> => {
  const authUrl = system.services['auth-service']?.url ?? ''
  const tokens = SERVICES.map(async (service) => {
    const keyFile = system.serviceEnv[service]?.['SERVICE_KEY_FILE'] ?? ''
    return [service, await new ServiceTokens({ service, issuer: system.issuer, authUrl, keyFile }).current()] as const
  })
  return Object.fromEntries(await Promise.all(tokens)) as Record<ServiceName, string>
}

/** Who is no service, or not the one it says. */
const impostors = async (row: Row, { mint, world }: Walk): Promise<Caller[]> => {
  const name = row.callers[0] as ServiceName
  const forged = await mint.forgeries({ sub: name, clientId: name, scope: callScope(row.service), authAgeS: undefined })
  const made: Record<string, Promise<string>> = {
    'a person': mint.token({ sub: world.victim.sub, scope: 'orders:read account:read' }),
    'a person whose token has the scope of services': mint.token({ sub: world.victim.sub, scope: callScope(row.service) }),
    'a partner whose client has the scope of services': mint.token({
      ...{ sub: world.partner.id, clientId: world.owned.client },
      scope: callScope(row.service),
    }),
    'the right service without the scope': mint.serviceToken(name, { scope: '' }),
    'the right service with the scope for another': mint.serviceToken(name, { scope: 'call:none' }),
    'the service itself': mint.serviceToken(row.service, { scope: callScope(row.service) }),
  }
  const tokens = await Promise.all(Object.entries(made).map(async ([who, token]) => ({ who, token: await token })))
  const none = { who: 'nobody', token: undefined }
  return [none, ...tokens, ...Object.entries(forged).map(([what, token]) => ({ who: `the right service, ${what}`, token }))]
}

const REFUSALS = new Set(['auth.caller-not-allowed', 'auth.token-invalid', 'auth.token-expired'])
/** Judged by its service token alone: no caller's token is sent. */
const isTurnedAway = ({ status, code }: Answer): boolean => (status === 401 || status === 403) && REFUSALS.has(code)

const pathsOf = (name: string, row: Row, walk: Walk): string[] => (name.startsWith('ALL /oidc/') ? OIDC : [pathOf(name, row, walk)])
const methodOf = (name: string): string => (name.startsWith('ALL ') ? 'GET' : (name.split(' ')[0] as string))

/** Where a route of an inner service lets a service in that its row doesn't name, or the other way round, or the call table says otherwise. */
export const callTableFaults = async (rows: readonly (readonly [string, Row])[], system: RunningSystem, walk: Walk): Promise<string[]> => {
  const services = await realServices(system)
  const faults: string[] = []
  for (const [name, row] of rows) {
    const callers: Caller[] = Object.entries(services).map(([who, token]) => ({ who, token }))
    const all = [...callers, ...(await impostors(row, walk))]
    for (const path of pathsOf(name, row, walk)) {
      const isOpen = WITHOUT_TOKEN.includes(path)
      const named: readonly string[] = row.callers
      faults.push(...(await faultsOf(all, (caller) => judge({ name, row, path, caller, isLetIn: isOpen || named.includes(caller.who) }))))
      const table = SERVICES.filter((from) => isAllowed(from, row.service, methodOf(name), path))
      if (!isOpen && table.join() !== named.join()) faults.push(`${name}: the call table lets in ${table.join(' and ')}`)
    }
  }
  return faults

  async function judge({ name, row, path, caller, isLetIn }: Judged): Promise<string | undefined> {
    const { headers, ...entrance } = serviceOf(system, row.service, caller.token ?? '')
    const answer = await send({ ...entrance, headers: caller.token === undefined ? {} : headers }, { method: methodOf(name), path })
    return isTurnedAway(answer) === !isLetIn ? undefined : `${name} (${path}), called by ${caller.who}: ${answer.status} ${answer.code}`
  }
}

interface Judged {
  readonly name: string
  readonly row: Row
  readonly path: string
  readonly caller: Caller
  readonly isLetIn: boolean
}

const isAllowed = (from: ServiceName, to: ServiceName, method: string, path: string): boolean =>
  CALLS.some((rule) => rule.to === to && rule.from === from && matchesCall(rule, method, path))

/** An address under /internal in other clothes, for a gateway that would match one thing and forward another. */
const disguises = (path: string): string[] => [
  ...[path, `/${path}`, `${path}/`, path.replace('/internal', '/INTERNAL'), path.replace('/internal', '/%69nternal')],
  ...[`/v1/..${path}`, `/v1/../${path.slice(1)}`, `/v1/%2e%2e${path}`, `/v1/..%2f${path.slice(1)}`, `/v1%2f..${path}`],
  ...[
    `/oidc/..${path}`,
    `/account/..${path}`,
    `/v1/orders/../..${path}`,
    `/v1/..;${path}`,
    `/v1\\..${path}`,
    `/.${path}`,
    `/v1/./..${path}`,
  ],
]

/** Addresses through which the gateway lets somebody reach an internal route. */
export const forwardedInternals = async (
  rows: readonly (readonly [string, Row])[],
  system: RunningSystem,
  walk: Walk,
): Promise<string[]> => {
  const headers = { 'x-service-token': walk.serviceTokens['core-service'] ?? '' }
  const token = await walk.mint.token({ sub: walk.world.victim.sub, scope: 'notifications:read' })
  const calls = rows.flatMap(([name, row]) =>
    disguises(pathOf(name, row, walk, walk.world.victim.sub)).flatMap((path) =>
      [{ path, token }, { path }].map((call) => ({ ...call, method: methodOf(name) })),
    ),
  )
  return faultsOf(calls, async (call) => {
    const { status, code } = await send(gatewayOf(system), { ...call, headers })
    // The gateway's own answer, or core's to what is under /v1: an internal route would say something else.
    return status === 404 && code === 'request.route-not-found' ? undefined : `${call.method} ${call.path}: ${status} ${code}`
  })
}
