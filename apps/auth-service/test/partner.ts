import assert from 'node:assert/strict'
import { randomUUID, type JsonWebKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ACR, AUDIENCE, newId, uuidOf, type PartnerId, type PartnerRole, type UserId } from '@catamaran/contracts'
import { ServiceTokens } from '@catamaran/platform'
import { until } from '@catamaran/testing'
import { importJWK, SignJWT } from 'jose'
import { newEmail } from './journey.js'
import type { AuthSystem } from './system.js'

/** What an answer says, and its body. */
export interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
  readonly headers: Headers
}

export interface CallOptions {
  readonly body?: unknown
  readonly idempotencyKey?: string
  /** The partner to act for, in the header. */
  readonly partner?: string
}

export type Call = (method: string, path: string, options?: CallOptions) => Promise<Answer>

export interface TokenOptions {
  readonly sub: string
  readonly scope: string
  readonly clientId?: string
  readonly acr?: string
  readonly authAgeS?: number
}

/** An access token signed with the system's own key, for callers whose sign-in is not what a test is about. */
export const mintToken = async (
  system: AuthSystem,
  { sub, scope, clientId = 'test', acr, authAgeS = 0 }: TokenOptions,
): Promise<string> => {
  const file = JSON.parse(readFileSync(join(system.folder, 'signing.json'), 'utf8')) as { keys: (JsonWebKey & { kid: string })[] }
  const jwk = file.keys.find(({ kty }) => kty === 'OKP')
  assert.ok(jwk)
  const nowS = Math.floor(Date.now() / 1_000)
  return new SignJWT({ client_id: clientId, scope, plan: 'standard', auth_time: nowS - authAgeS, ...(acr && { acr }) })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: jwk.kid })
    .setIssuer(system.issuer)
    .setAudience(AUDIENCE)
    .setSubject(sub)
    .setJti(randomUUID())
    .setIssuedAt(nowS)
    .setExpirationTime(nowS + 300)
    .sign(await importJWK(jwk as never, 'EdDSA'))
}

const answerOf = async (response: Response): Promise<Answer> => {
  const text = await response.text()
  return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>), headers: response.headers }
}

/** Calls the API through the gateway with a token. */
export const callerOf =
  (system: AuthSystem, token: string): Call =>
  async (method, path, { body, partner, idempotencyKey } = {}) =>
    answerOf(
      await fetch(system.publicUrl + path, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(partner === undefined ? {} : { 'catamaran-partner': partner }),
          ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    )

/** Somebody with an account who is signed in. */
export interface Person {
  readonly id: UserId
  readonly email: string
  readonly call: Call
}

export const newPerson = async (system: AuthSystem, email = newEmail(), options: Partial<TokenOptions> = {}): Promise<Person> => {
  const id = newId('user')
  await system.database.query("insert into user_account (id, email, password_hash) values ($1, $2, 'none')", [uuidOf(id), email])
  const token = await mintToken(system, { sub: id, scope: 'partner:read partner:write', ...options })
  return { id, email, call: callerOf(system, token) }
}

/** Somebody with the role and two factors. */
export const newOperator = (system: AuthSystem): Promise<Person> => newPerson(system, newEmail(), { scope: 'ops', acr: ACR.multi })

export const errorOf = ({ status, body }: Answer): [number, unknown] => [status, body['code']]

/** A partner in some state, and its owner. */
export const newPartner = async (system: AuthSystem, status = 'active'): Promise<{ partnerId: PartnerId; owner: Person }> => {
  const owner = await newPerson(system)
  const made = await owner.call('POST', '/v1/partners', { body: { name: 'Sailcloth & Sons' } })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  const partnerId = made.body['id'] as PartnerId
  await system.database.query('update partner set status = $2 where id = $1', [uuidOf(partnerId), status])
  return { partnerId, owner }
}

/** Somebody who is a member of a partner. */
export const newMember = async (system: AuthSystem, partnerId: PartnerId, role: PartnerRole): Promise<Person> => {
  const person = await newPerson(system)
  await system.database.query('insert into partner_member (partner_id, user_id, role) values ($1, $2, $3)', [
    ...[uuidOf(partnerId), uuidOf(person.id), role],
  ])
  return person
}

/** Calls an internal route as a service does. */
export const callAs = async (system: AuthSystem, service: string, method: string, path: string, body?: unknown): Promise<Answer> => {
  const tokens = new ServiceTokens({
    ...{ service: service as 'api-gateway', issuer: system.issuer, authUrl: system.innerUrl },
    keyFile: join(system.folder, `${service}.json`),
  })
  return answerOf(
    await fetch(system.innerUrl + path, {
      method,
      headers: { 'x-service-token': await tokens.current(), ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  )
}

/** What gateways were told to refuse. */
export const revocationsOf = async (system: AuthSystem, subject: string): Promise<string[]> =>
  (await system.database.query<{ kind: string }>('select kind from revocation where subject = $1', [subject])).rows.map(({ kind }) => kind)

/** Starts calls while a row is locked, and lets them go on when two at least wait for it: they surely meet. */
export const atOnce = async (
  system: AuthSystem,
  table: 'partner' | 'user_account',
  id: string,
  calls: () => Promise<Answer>[],
): Promise<Answer[]> => {
  const client = await system.database.connect()
  try {
    await client.query('begin')
    await client.query(`select from ${table} where id = $1 for no key update`, [id])
    const started = Promise.all(calls())
    const waiting = "select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    await until(async () => ((await system.database.query<{ n: number }>(waiting)).rows[0]?.n ?? 0) >= 2, { message: 'two that wait' })
    await client.query('rollback')
    return await started
  } finally {
    client.release(true)
  }
}
