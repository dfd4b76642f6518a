import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ACR, AUDIENCE, callScopesOf, newId, SERVICES, type ServiceName } from '@catamaran/contracts'
import type { RunningSystem } from '@catamaran/stack'
import { recordSecret } from '@catamaran/testing'
import { exportSPKI, generateKeyPair, importJWK, SignJWT, type CryptoKey, type JWK } from 'jose'

export interface TokenSays {
  sub?: string
  scope?: string
  clientId?: string
  sid?: string
  plan?: string
  acr?: string
  /** Seconds since the person signed in; undefined says nothing of it, as a machine's token. Default 0. */
  authAgeS?: number | undefined
  expiresInS?: number
  audience?: string
  issuer?: string
  typ?: string
  signedWith?: 'EdDSA' | 'RS256' | { alg: string; key: CryptoKey | Uint8Array; kid?: string }
}

interface Key {
  readonly kid: string
  readonly key: CryptoKey
  readonly jwk: JWK
}

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Makes tokens with the signing keys of a running system, right ones and every kind of wrong one. */
export class Mint {
  private constructor(
    private readonly issuer: string,
    private readonly keys: { readonly EdDSA: Key; readonly RS256: Key },
    private readonly stranger: CryptoKey,
  ) {}

  static async of({ dataDir, issuer }: RunningSystem): Promise<Mint> {
    const { keys } = JSON.parse(readFileSync(join(dataDir, 'keys', 'signing.json'), 'utf8')) as { keys: JWK[] }
    const keyOf = async (alg: string): Promise<Key> => {
      const jwk = keys.find((each) => each.alg === alg)
      if (jwk?.kid === undefined) throw new Error(`the system has no key for ${alg}`)
      return { kid: jwk.kid, jwk, key: (await importJWK(jwk, alg, { extractable: true })) as CryptoKey }
    }
    const { privateKey } = await generateKeyPair('EdDSA')
    return new Mint(issuer, { EdDSA: await keyOf('EdDSA'), RS256: await keyOf('RS256') }, privateKey)
  }

  /** An access token; what is left out is a buyer who signed in just now with two factors, without any scope. */
  async token(says: TokenSays = {}): Promise<string> {
    const { signedWith = 'EdDSA' } = says
    const { alg, key, kid } =
      typeof signedWith === 'string' ? { alg: signedWith, ...this.keys[signedWith] } : { kid: this.keys.EdDSA.kid, ...signedWith }
    const token = await new SignJWT(this.claims(says)).setProtectedHeader({ alg, kid, typ: says.typ ?? 'at+jwt' }).sign(key)
    recordSecret('access token', token)
    return token
  }

  serviceToken(name: ServiceName, says: TokenSays = {}): Promise<string> {
    return this.token({ sub: name, clientId: name, scope: callScopesOf(name).join(' '), authAgeS: undefined, acr: '', ...says })
  }

  /** The same person's or machine's tokens, each wrong in one way, by what is wrong with it. */
  async forgeries(says: TokenSays): Promise<Record<string, string>> {
    const right = await this.token(says)
    const [head = '', body = '', signature = ''] = right.split('.')
    const { kid, jwk } = this.keys.EdDSA
    const publicBytes = Buffer.from(jwk.x ?? '', 'base64url')
    const publicRsa = new TextEncoder().encode(await exportSPKI(await this.publicRsa()))
    const made = {
      expired: this.token({ ...says, expiresInS: -1 }),
      'unsigned (alg: none)': `${base64({ alg: 'none', kid, typ: 'at+jwt' })}.${body}.`,
      'unsigned (alg: None), with a signature': `${base64({ alg: 'None', kid, typ: 'at+jwt' })}.${body}.${signature}`,
      'without its signature': `${head}.${body}.`,
      'with changed claims': `${head}.${base64({ ...this.claims(says), sub: newId('user') })}.${signature}`,
      'signed with a key nobody published': this.token({ ...says, signedWith: { alg: 'EdDSA', key: this.stranger } }),
      'signed with an unknown key id': this.token({ ...says, signedWith: { alg: 'EdDSA', key: this.stranger, kid: randomUUID() } }),
      'signed with the key of ID tokens': this.token({ ...says, signedWith: 'RS256' }),
      'signed with a public key as if it were a secret': this.token({ ...says, signedWith: { alg: 'HS256', key: padded(publicBytes) } }),
      'signed with the other public key as a secret': this.token({ ...says, signedWith: { alg: 'HS256', key: publicRsa } }),
      'for another audience': this.token({ ...says, audience: 'urn:other:api' }),
      'for a client, as an ID token is': this.token({ ...says, audience: 'catamaran-demo' }),
      'from another issuer': this.token({ ...says, issuer: 'https://evil.example/oidc' }),
      'of another type': this.token({ ...says, typ: 'JWT' }),
      'not a token': randomUUID(),
    }
    return Object.fromEntries(await Promise.all(Object.entries(made).map(async ([what, token]) => [what, await token] as const)))
  }

  /** The tokens that the services call each other with. */
  async serviceTokens(): Promise<Record<ServiceName, string>> {
    const tokens = await Promise.all(SERVICES.map(async (name) => [name, await this.serviceToken(name)] as const))
    return Object.fromEntries(tokens) as Record<ServiceName, string>
  }

  private async publicRsa(): Promise<CryptoKey> {
    const { kty, n, e } = this.keys.RS256.jwk
    return (await importJWK({ kty, n, e } as JWK, 'RS256', { extractable: true })) as CryptoKey
  }

  private claims(says: TokenSays): Record<string, unknown> {
    const nowS = Math.floor(Date.now() / 1000)
    const authAgeS = 'authAgeS' in says ? says.authAgeS : 0
    const { acr = ACR.multi, sid, plan } = says
    return {
      ...{ iss: says.issuer ?? this.issuer, aud: says.audience ?? AUDIENCE, sub: says.sub ?? newId('user') },
      ...{ client_id: says.clientId ?? 'catamaran-demo', scope: says.scope ?? '', jti: randomUUID() },
      ...{ iat: nowS - 2, exp: nowS + (says.expiresInS ?? 300) },
      ...(sid !== undefined && { sid }),
      ...(plan !== undefined && { plan }),
      ...(acr !== '' && { acr }),
      ...(authAgeS !== undefined && { auth_time: nowS - authAgeS }),
    }
  }
}

/** HMAC keys of jose have a least length; the bytes of an Ed25519 key have it exactly. */
const padded = (bytes: Uint8Array): Uint8Array => (bytes.length >= 32 ? bytes : Buffer.concat([bytes, Buffer.alloc(32)]))
