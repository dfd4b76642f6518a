import { readFileSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { AUDIENCE, callScopesOf, type ServiceName } from '@catamaran/contracts'
import { importJWK, SignJWT, type JWK } from 'jose'
import { request } from 'undici'
import { AppError } from './errors.js'

export interface ServiceTokensOptions {
  service: ServiceName
  issuer: string
  authUrl: string
  /** The service's private Ed25519 key as a JWK, with `kid`. */
  keyFile: string
}

interface Held {
  token: string
  refreshAt: number
  expiresAt: number
}

/**
 * The service's own access token, by client credentials with `private_key_jwt` (RFC 7523). Fetched once, renewed in the background at
 * four fifths of its life, and kept to its end when auth-service is away.
 */
export class ServiceTokens {
  private held: Held | undefined
  private fetching: Promise<string> | undefined

  constructor(private readonly options: ServiceTokensOptions) {}

  /** The token: at once while one is held, else a promise. @throws AppError service.unavailable */
  current(): string | Promise<string> {
    const now = Date.now()
    if (this.held === undefined || this.held.expiresAt <= now) return this.fetch()
    if (this.held.refreshAt <= now && this.fetching === undefined) this.fetch().catch(() => undefined)
    return this.held.token
  }

  private fetch(): Promise<string> {
    this.fetching ??= this.fetchNew().finally(() => {
      this.fetching = undefined
    })
    return this.fetching
  }

  private async fetchNew(): Promise<string> {
    const { service, issuer, authUrl } = this.options
    const startedAt = Date.now()
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await this.assertion(),
      client_id: service,
      scope: callScopesOf(service).join(' '),
      resource: AUDIENCE,
    })
    try {
      const { statusCode, body } = await request(`${authUrl}/oidc/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: form.toString(),
        signal: AbortSignal.timeout(3_000),
      })
      const answer = (await body.json()) as { access_token?: string; expires_in?: number; error?: string; error_description?: string }
      if (statusCode !== 200 || answer.access_token === undefined)
        throw new Error(`token endpoint of ${issuer} answered ${statusCode} ${answer.error} ${answer.error_description}`)
      const lifeMs = (answer.expires_in ?? 60) * 1000
      this.held = { token: answer.access_token, refreshAt: startedAt + lifeMs * 0.8, expiresAt: startedAt + lifeMs - 5_000 }
      return this.held.token
    } catch (error) {
      throw new AppError('service.unavailable', {}, { cause: error })
    }
  }

  private async assertion(): Promise<string> {
    const { service, issuer, keyFile } = this.options
    const jwk = JSON.parse(readFileSync(keyFile, 'utf8')) as JWK
    const key = await importJWK(jwk, 'EdDSA')
    return new SignJWT()
      .setProtectedHeader({ alg: 'EdDSA', ...(jwk.kid === undefined ? {} : { kid: jwk.kid }) })
      .setIssuer(service)
      .setSubject(service)
      .setAudience(issuer)
      .setIssuedAt()
      .setExpirationTime('30s')
      .setJti(randomUUID())
      .sign(key)
  }
}
