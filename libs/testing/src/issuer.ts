import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AUDIENCE, callScopesOf, newId, SERVICES, type Plan, type ServiceName } from '@catamaran/contracts'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose'
import { recordSecret } from './secrets.js'

/** What a token says; what is left out is a signed-in buyer without any scope, good for five minutes. */
export interface TokenOptions {
  sub?: string
  scopes?: readonly string[]
  clientId?: string
  sid?: string
  plan?: string
  acr?: string
  amr?: readonly string[]
  /** How long ago the person signed in, in seconds. */
  authAgeS?: number
  /** Negative for one that has expired. Default 300. */
  expiresInS?: number
  audience?: string
  issuer?: string
  /** Default EdDSA, as services expect; RS256 is signed with a published key as well. */
  alg?: 'EdDSA' | 'RS256'
  /** A key that nobody published, for a forged token. */
  key?: CryptoKey
}

interface SigningKey {
  readonly kid: string
  readonly privateKey: CryptoKey
  readonly publicJwk: JWK
}

const signingKey = async (alg: 'EdDSA' | 'RS256'): Promise<SigningKey> => {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  const kid = randomUUID()
  return { kid, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

/** Of the plans a small one and a large one. */
const PLANS: Plan[] = [
  { id: 'starter', requestsPerSecond: 10, burst: 50, requestsPerDay: 50_000, maxApiKeys: 5, maxWebhookEndpoints: 3 },
  { id: 'growth', requestsPerSecond: 50, burst: 200, requestsPerDay: 1_000_000, maxApiKeys: 20, maxWebhookEndpoints: 10 },
]

const bodyOf = async (request: IncomingMessage): Promise<URLSearchParams> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return new URLSearchParams(Buffer.concat(chunks).toString())
}

const isService = (name: string | null): name is ServiceName => SERVICES.includes(name as ServiceName)

/**
 * Stands in for auth-service towards other services: its JWKS, its token endpoint (client credentials of services, whose assertion is
 * not checked) and its plans, on a free port, with fresh keys.
 * Example: `const issuer = await TestIssuer.start()`, then `issuer.token({ scopes: ['orders:write'] })`.
 */
export class TestIssuer {
  /** Base address, for AUTH_URL. */
  readonly url: string
  /** For ISSUER_URL. */
  readonly issuer: string
  /** A file with a service's private key, for SERVICE_KEY_FILE. */
  readonly serviceKeyFile: string

  private constructor(
    private readonly server: Server,
    private readonly keys: { readonly EdDSA: SigningKey; readonly RS256: SigningKey },
    private readonly folder: string,
  ) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    this.issuer = `${this.url}/oidc`
    this.serviceKeyFile = join(folder, 'service-key.json')
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
    })
  }

  static async start(): Promise<TestIssuer> {
    const [eddsa, rs256] = await Promise.all([signingKey('EdDSA'), signingKey('RS256')])
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const issuer = new TestIssuer(server, { EdDSA: eddsa, RS256: rs256 }, mkdtempSync(join(tmpdir(), 'catamaran-issuer-')))
    const own = await generateKeyPair('EdDSA', { extractable: true })
    const jwk = { ...(await exportJWK(own.privateKey)), kid: randomUUID(), alg: 'EdDSA' }
    writeFileSync(issuer.serviceKeyFile, JSON.stringify(jwk), { mode: 0o600 })
    return issuer
  }

  /** An access token (RFC 9068). */
  async token(options: TokenOptions = {}): Promise<string> {
    const { sub = newId('user'), scopes = [], clientId = 'test-client', sid, plan, expiresInS = 300, alg = 'EdDSA' } = options
    const { kid, privateKey } = this.keys[alg]
    const nowS = Math.floor(Date.now() / 1000)
    const token = await new SignJWT({
      client_id: clientId,
      scope: scopes.join(' '),
      ...(sid === undefined ? {} : { sid }),
      ...(plan === undefined ? {} : { plan }),
      ...(options.acr === undefined ? {} : { acr: options.acr }),
      ...(options.amr === undefined ? {} : { amr: options.amr }),
      ...(options.authAgeS === undefined ? {} : { auth_time: nowS - options.authAgeS }),
    })
      .setProtectedHeader({ alg, kid, typ: 'at+jwt' })
      .setIssuer(options.issuer ?? this.issuer)
      .setAudience(options.audience ?? AUDIENCE)
      .setSubject(sub)
      .setJti(randomUUID())
      .setIssuedAt(nowS)
      .setExpirationTime(nowS + expiresInS)
      .sign(options.key ?? privateKey)
    recordSecret('access token', token)
    return token
  }

  /** The token a service calls others with: `X-Service-Token`. */
  serviceToken(name: ServiceName): Promise<string> {
    return this.token({ sub: name, clientId: name, scopes: callScopesOf(name) })
  }

  async close(): Promise<void> {
    rmSync(this.folder, { recursive: true, force: true })
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const say = (status: number, body: object): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (request.url === '/oidc/jwks') return say(200, { keys: [this.keys.EdDSA.publicJwk, this.keys.RS256.publicJwk] })
    if (request.url === '/v1/plans') return say(200, { items: PLANS })
    if (request.url !== '/oidc/token' || request.method !== 'POST') return say(404, { error: 'not_found' })
    const form = await bodyOf(request)
    const client = form.get('client_id')
    if (form.get('grant_type') !== 'client_credentials' || !isService(client)) return say(400, { error: 'invalid_client' })
    say(200, {
      access_token: await this.serviceToken(client),
      token_type: 'Bearer',
      expires_in: 300,
      scope: callScopesOf(client).join(' '),
    })
  }
}
