import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AUDIENCE, BUYER_SCOPES, newId } from '@catamaran/contracts'
import type { RunningSystem } from '@catamaran/stack'
import { Browser } from '@catamaran/testing'
import { importJWK, SignJWT, type JWK } from 'jose'

const CLIENT_ID = 'catamaran-demo'
const REDIRECT_URI = 'http://127.0.0.1:3999/callback'

export interface Tokens {
  /** Lasts five minutes. */
  readonly access: string
  readonly refresh: string
}

/** The demo buyer's access token. */
export const buyerToken = async (system: RunningSystem): Promise<string> => (await signIn(system)).access

/** Access tokens of different buyers, five minutes each, made with the system's signing key: sixty sign-ins would cost sixty passwords. */
export async function buyersTokens({ dataDir, issuer }: RunningSystem, count = 64): Promise<string[]> {
  const { keys } = JSON.parse(readFileSync(join(dataDir, 'keys', 'signing.json'), 'utf8')) as { keys: JWK[] }
  const jwk = keys.find(({ alg }) => alg === 'EdDSA')
  if (jwk?.kid === undefined) throw new Error('The system has no key for access tokens.')
  const [key, header, nowS] = [await importJWK(jwk, 'EdDSA'), { alg: 'EdDSA', kid: jwk.kid, typ: 'at+jwt' }, Math.floor(Date.now() / 1000)]
  const shared = { iss: issuer, aud: AUDIENCE, client_id: CLIENT_ID, scope: BUYER_SCOPES.join(' '), iat: nowS - 2, exp: nowS + 300 }
  const tokenOf = () =>
    new SignJWT({ ...shared, sub: newId('user'), jti: randomUUID(), auth_time: nowS }).setProtectedHeader(header).sign(key)
  return Promise.all(Array.from({ length: count }, tokenOf))
}

/** Signs the demo buyer in at the real auth-service, by code flow with PKCE. */
export async function signIn({ issuer, demo }: RunningSystem): Promise<Tokens> {
  if (demo === undefined) throw new Error('The system has no demo buyer.')
  const verifier = randomBytes(32).toString('base64url')
  const query = new URLSearchParams({
    client_id: CLIENT_ID,
    response_type: 'code',
    redirect_uri: REDIRECT_URI,
    scope: ['openid', ...BUYER_SCOPES].join(' '),
    resource: AUDIENCE,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  const browser = new Browser()
  const page = await browser.open(`${issuer}/auth?${query.toString()}`, { stopAt: REDIRECT_URI })
  const { email, password } = demo.buyer
  const end = page.url.startsWith(REDIRECT_URI) ? page : await browser.submit(page, { email, password }, REDIRECT_URI)
  const code = new URL(end.url).searchParams.get('code')
  if (code === null) throw new Error(`The demo buyer's sign-in ended on ${end.url} (${end.status}): ${end.html.slice(0, 500)}`)
  const form = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI, client_id: CLIENT_ID, code_verifier: verifier }
  return askForTokens(issuer, form)
}

/** New tokens for a refresh token, which ends with it. */
export const refresh = ({ issuer }: RunningSystem, token: string): Promise<Tokens> =>
  askForTokens(issuer, { grant_type: 'refresh_token', refresh_token: token, client_id: CLIENT_ID })

async function askForTokens(issuer: string, form: Record<string, string>): Promise<Tokens> {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams(form),
    signal: AbortSignal.timeout(10_000),
  })
  const answer = (await response.json()) as { access_token?: string; refresh_token?: string; error?: string }
  const { access_token: access, refresh_token: next } = answer
  if (access === undefined || next === undefined) throw new Error(`The token endpoint answered ${response.status} ${answer.error ?? ''}`)
  return { access, refresh: next }
}
