import {
  ACR,
  BUYER_SCOPES,
  callScopesOf,
  idOf,
  MEMBER_SCOPES,
  OPERATOR_SCOPES,
  PARTNER_ROLES,
  PARTNER_SCOPES,
  SERVICES,
  uuidOf,
  type UserId,
} from '@catamaran/contracts'
import { faultsOf, send, type Answer, type Call, type Entrance } from './authorisation.calls.js'
import type { Row } from './authorisation.table.js'
import type { Mint, TokenSays } from './authorisation.tokens.js'
import { absentId, type World } from './authorisation.world.js'

export interface Walk {
  readonly world: World
  readonly mint: Mint
  readonly serviceTokens: Readonly<Record<string, string>>
}

/** A call that a row refuses, and how. */
interface Refused {
  readonly what: string
  readonly token?: string | undefined
  readonly headers?: Record<string, string>
  readonly status: number
  readonly code?: string
}

const EVERY_SCOPE: readonly string[] = [
  ...new Set([
    ...['openid', 'email', ...BUYER_SCOPES, ...MEMBER_SCOPES, ...OPERATOR_SCOPES, ...PARTNER_SCOPES],
    ...SERVICES.flatMap(callScopesOf),
  ]),
]

/** What only a partner's own token may carry: its subject is the partner. */
const MACHINE_SCOPES: ReadonlySet<string> = new Set(PARTNER_SCOPES.filter((scope) => scope !== 'partner:read'))

/** The scope that a route asks for: of the guard, or in its own code. */
export const scopeOf = ({ access, asks }: Row): string | undefined => asks ?? access.scope ?? undefined

/** Someone who could use the route if they were the one it is about. */
export const callerOf = (row: Row, { world }: Walk, sub = world.victim.sub): TokenSays => {
  const scope = scopeOf(row) ?? ''
  if (!MACHINE_SCOPES.has(scope)) return { sub, scope }
  const partners: Record<string, string> = { [world.victim.sub]: world.partner.id, [world.stranger]: world.otherPartner }
  return { sub: partners[sub] ?? idOf('partner', uuidOf(sub as UserId)), scope }
}

/** The path of a row, each parameter filled in: the last one with the given id, or one that nobody has, one before it with the victim's. */
export const pathOf = (name: string, row: Row, { world }: Walk, id?: string): string => {
  const filled = id ?? (row.others === undefined ? world.product : absentId[row.others.thing]())
  const within = row.others?.within === undefined ? filled : world.owned[row.others.within]
  return (name.split(' ')[1] as string)
    .replace(/\{\w+\}(?=[^{]*$)/, encodeURIComponent(filled))
    .replace(/\{\w+\}/g, encodeURIComponent(within))
}

const badTokens = async (row: Row, { world, mint, serviceTokens }: Walk): Promise<Refused[]> => {
  const forged = await mint.forgeries(callerOf(row, { world, mint, serviceTokens }))
  const others = { 'the ID token of a sign-in': world.victim.idToken, 'a refresh token': world.victim.refreshToken }
  return Object.entries({ ...forged, ...others }).map(([what, token]) => ({ what, token, status: 401 }))
}

const wrongScopes = async (row: Row, { world, mint, serviceTokens }: Walk): Promise<Refused[]> => {
  const right = scopeOf(row) ?? ''
  const wrong = EVERY_SCOPE.filter((scope) => scope !== right)
  const said = ['', ...wrong, wrong.join(' '), right.toUpperCase(), `${right}x`, `${right}:read`, right.replace(/:.*/, ''), `${right},`]
  const tokens = [...new Set(said)].filter((scope) => scope !== right)
  const ofPeople = tokens.map(async (scope) => ({ what: `scope "${scope}"`, token: await mint.token({ sub: world.victim.sub, scope }) }))
  const ofServices = Object.entries(serviceTokens).map(([service, token]) => ({ what: `the token of ${service}`, token }))
  return [...(await Promise.all(ofPeople)), ...ofServices].map((call) => ({ ...call, status: 403, code: 'auth.scope-missing' }))
}

/** The right scope, but of a sign-in too old or too weak for the route. */
const staleSignIns = async (row: Row, walk: Walk): Promise<Refused[]> => {
  const { access } = row
  if (access.scope === null) return []
  const caller = callerOf(row, walk)
  const weak: Record<string, TokenSays> =
    access.scope === 'ops' ? { 'one factor': { acr: ACR.single }, 'no word of factors': { acr: '' } } : {}
  const old: Record<string, TokenSays> =
    access.freshS === undefined ? {} : { 'an old sign-in': { authAgeS: access.freshS + 5 }, 'no sign-in': { authAgeS: undefined } }
  const made = Object.entries({ ...weak, ...old }).map(async ([what, says]) => ({
    what,
    token: await walk.mint.token({ ...caller, ...says }),
  }))
  return (await Promise.all(made)).map((call) => ({ ...call, status: 401, code: 'auth.step-up-needed' }))
}

/** Members whose role is too low, a machine of the partner's own, and people of another partner. */
const wrongRoles = async (row: Row, walk: Walk): Promise<Refused[]> => {
  const role = row.access.scope === null ? undefined : row.access.role
  if (role === undefined) return []
  const { mint, world } = walk
  const lower = PARTNER_ROLES.slice(0, PARTNER_ROLES.indexOf(role))
  const machine = { ...callerOf(row, walk, world.partner.id), clientId: world.owned.apiKey }
  const tokens = [
    ...lower.map((each) => [`a ${each}`, callerOf(row, walk, world.partner.members[each])] as const),
    ...(role === 'viewer' || (row.access.scope !== null && row.access.freshS !== undefined)
      ? []
      : [["a partner's own key", machine] as const]),
  ]
  const named = { 'catamaran-partner': world.partner.id }
  const strangers = { 'a member of another partner': world.stranger, 'a key of another partner': world.otherPartner }
  return [
    ...(await Promise.all(
      tokens.map(async ([what, says]) => ({ what, token: await mint.token(says), status: 403, code: 'auth.role-missing' })),
    )),
    ...(await Promise.all(
      Object.entries(strangers).map(async ([what, sub]) => ({
        ...{ what, token: await mint.token(callerOf(row, walk, sub)), headers: named, status: 404, code: 'partners.not-found' },
      })),
    )),
  ]
}

/** Every call that the row refuses whatever it is about. */
const refusedBy = async (row: Row, entrance: Entrance, walk: Walk): Promise<Refused[]> => {
  if (scopeOf(row) === undefined) return badTokens(row, walk)
  const isDoor = Object.keys(entrance.headers).length === 0
  return [
    { what: 'no token', status: 401, code: 'auth.token-missing' },
    { what: 'a password instead of a token', headers: { authorization: 'Basic YTpi' }, status: 401 },
    ...(await badTokens(row, walk)),
    // Only the door knows of revocations; what is inside lives five minutes at most and comes through it.
    ...(isDoor ? [{ what: 'a token of an ended session', token: walk.world.revokedToken, status: 401, code: 'auth.token-revoked' }] : []),
    ...(await wrongScopes(row, walk)),
    ...(await staleSignIns(row, walk)),
    ...(await wrongRoles(row, walk)),
  ]
}

/** Where a route answers a call otherwise than its row says, one line each. */
export const refusalFaults = async (name: string, row: Row, entrance: Entrance, walk: Walk): Promise<string[]> => {
  const [method = ''] = name.split(' ')
  const path = pathOf(name, row, walk)
  // Fastify answers HEAD where there is a GET; between services the call table has no word of it.
  const methods = method === 'GET' && !name.includes('/internal/') ? ['GET', 'HEAD'] : [method]
  const calls = (await refusedBy(row, entrance, walk)).flatMap((refused) => methods.map((each) => ({ ...refused, method: each })))
  return faultsOf(calls, async ({ what, status, code, ...call }) => {
    const answer = await send(entrance, { ...call, path })
    const isRight = answer.status === status && (code === undefined || call.method === 'HEAD' || answer.code === code)
    const isTold = code !== 'auth.step-up-needed' || answer.challenge.includes('insufficient_user_authentication')
    if (isRight && isTold) return undefined
    return `${entrance.name}, ${call.method} with ${what}: ${answer.status} ${answer.code}, not ${status} ${code ?? ''}`
  })
}

const AUTHORISATION = new Set([401, 403])

/** The other side: who may is let in. A stranger to the world asks, so that what is done harms nobody. */
export const admissionFault = async (name: string, row: Row, entrance: Entrance, walk: Walk, bystander: string): Promise<string[]> => {
  const [method = ''] = name.split(' ')
  const token = scopeOf(row) === undefined ? undefined : await walk.mint.token(callerOf(row, walk, bystander))
  const answer = await send(entrance, { method, path: pathOf(name, row, walk), token })
  const isIn = answer.status < 500 && (!AUTHORISATION.has(answer.status) || row.judges === true)
  return isIn ? [] : [`${entrance.name}, with all it asks for: ${answer.status} ${answer.code}`]
}

/** What an answer says, but for what is different in each: its request, and the id that was asked for. */
const sense = ({ status, text }: Answer, id: string): string =>
  `${status} ${text.replaceAll(id, '<id>').replace(/"requestId":"[^"]*"/, '')}`

/** Asks for somebody else's thing and for one that is not there: the answers must be the same 404. */
export const othersFaults = async (name: string, row: Row, entrance: Entrance, walk: Walk): Promise<string[]> => {
  if (row.others === undefined) return []
  const { thing, code, body } = row.others
  const [method = ''] = name.split(' ')
  const { world, mint } = walk
  const strangers = { 'another buyer': world.stranger, 'somebody who does not exist': absentId.member() }
  return faultsOf(Object.entries(strangers), async ([who, sub]) => {
    const token = await mint.token(callerOf(row, walk, sub))
    const [theirs, absent] = [world.owned[thing], absentId[thing]()]
    const ask = (id: string): Promise<Answer> => send(entrance, { method, path: pathOf(name, row, walk, id), token, body })
    const [found, missing] = [await ask(theirs), await ask(absent)]
    if (sense(found, theirs) !== sense(missing, absent))
      return `${entrance.name}, ${who} can tell: ${sense(found, theirs)} or ${sense(missing, absent)}`
    const isRight =
      found.status === 404 &&
      (found.code === code || (row.access.scope !== null && row.access.role !== undefined && found.code === 'partners.not-found'))
    return isRight ? undefined : `${entrance.name}, ${who}: ${found.status} ${found.code}, not 404 ${code}`
  })
}

/** What a stranger with the right scope reads of the victim and the partner: nothing. */
export const leaks = async (name: string, row: Row, entrance: Entrance, walk: Walk): Promise<string[]> => {
  if (!name.startsWith('GET ') || scopeOf(row) === undefined || row.access.scope === 'ops') return []
  const { world, mint } = walk
  const call: Call = { method: 'GET', path: pathOf(name, row, walk), token: await mint.token(callerOf(row, walk, world.stranger)) }
  const { text } = await send(entrance, call)
  const secrets = [world.victim.sub, world.victim.email, world.partner.id, ...Object.values(world.owned)]
  return secrets.filter((secret) => text.includes(secret)).map((secret) => `${entrance.name}, a stranger reads ${secret}`)
}
