import { AUDIENCE } from '@catamaran/contracts'
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'
import { LRUCache } from 'lru-cache'
import { AppError } from './errors.js'

/** Who a verified access token speaks for. */
export interface Claims {
  /** The user's or client's id. */
  readonly sub: string
  readonly clientId: string
  readonly scopes: ReadonlySet<string>
  /** The session, for users. */
  readonly sid?: string | undefined
  readonly plan?: string | undefined
  /** How surely the person was recognised (`ACR` of contracts), by what (RFC 8176), and when (epoch seconds); for users. */
  readonly acr?: string | undefined
  readonly amr?: readonly string[] | undefined
  readonly authTime?: number | undefined
  /** When the token was made, in epoch milliseconds, of whole seconds. */
  readonly issuedAt: number
  /** Expiry in epoch milliseconds. */
  readonly expiresAt: number
}

export interface TokenVerifierOptions {
  issuer: string
  /** Where the public keys are, in full. */
  jwksUrl: string
  /** Epoch milliseconds. Default: the machine's clock. */
  now?: (() => number) | undefined
}

const REMEMBERED_TOKENS = 20_000
/** How soon a withdrawn key opens nothing any more: with the next look nothing is remembered that was signed before. */
const KEYS_REFRESH_MS = 60_000
/** No token of ours lives longer: one that claims to was made by somebody else with a key of ours. */
const MOST_LIFE_S = 600

/**
 * Verifies access tokens (RFC 9068: JWT, Ed25519) against auth-service's JWKS. A verified token is remembered until it expires, and the
 * keys are kept when auth-service is away, so valid tokens go on working without it.
 */
export class TokenVerifier {
  private readonly remembered = new LRUCache<string, Claims>({ max: REMEMBERED_TOKENS })
  private readonly keys: ReturnType<typeof createRemoteJWKSet>
  private readonly now: () => number
  private refreshAt: number

  constructor(private readonly options: TokenVerifierOptions) {
    this.now = options.now ?? Date.now
    this.keys = createRemoteJWKSet(new URL(options.jwksUrl), { cacheMaxAge: Infinity, cooldownDuration: 2_000, timeoutDuration: 2_000 })
    this.refreshAt = this.now() + KEYS_REFRESH_MS
  }

  /**
   * The token's claims: at once when it is remembered, else a promise.
   * @throws AppError auth.token-invalid, auth.token-expired, or service.unavailable when the keys can't be had
   */
  verify(token: string): Claims | Promise<Claims> {
    this.refreshKeys()
    const known = this.remembered.get(token)
    if (known === undefined) return this.verifyNew(token)
    if (known.expiresAt > this.now()) return known
    this.remembered.delete(token)
    throw new AppError('auth.token-expired')
  }

  /** Whether a token was verified before and is still good: such a one costs next to nothing. */
  remembers(token: string): boolean {
    const known = this.remembered.get(token)
    return known !== undefined && known.expiresAt > this.now()
  }

  private async verifyNew(token: string): Promise<Claims> {
    const { payload } = await jwtVerify(token, this.keys, {
      issuer: this.options.issuer,
      audience: AUDIENCE,
      algorithms: ['EdDSA', 'Ed25519'],
      typ: 'at+jwt',
      currentDate: new Date(this.now()),
      requiredClaims: ['sub', 'iat', 'exp', 'client_id'],
    }).catch((error: unknown) => {
      if (error instanceof errors.JWTExpired) throw new AppError('auth.token-expired', {}, { cause: error })
      const isTokenFault = error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout) && error.code !== 'ERR_JOSE_GENERIC'
      throw new AppError(isTokenFault ? 'auth.token-invalid' : 'service.unavailable', {}, { cause: error })
    })
    if ((payload.exp as number) - (payload.iat as number) > MOST_LIFE_S) throw new AppError('auth.token-invalid')
    const text = (claim: string): string | undefined => (typeof payload[claim] === 'string' ? payload[claim] : undefined)
    const claims: Claims = {
      sub: payload.sub as string,
      clientId: text('client_id') ?? '',
      scopes: new Set(text('scope')?.split(' ')),
      sid: text('sid'),
      plan: text('plan'),
      acr: text('acr'),
      amr: Array.isArray(payload['amr']) ? payload['amr'].map(String) : undefined,
      authTime: typeof payload['auth_time'] === 'number' ? payload['auth_time'] : undefined,
      issuedAt: (payload.iat as number) * 1000,
      expiresAt: (payload.exp as number) * 1000,
    }
    this.remembered.set(token, claims)
    return claims
  }

  private refreshKeys(): void {
    if (this.now() < this.refreshAt) return
    this.refreshAt = this.now() + KEYS_REFRESH_MS
    const before = JSON.stringify(this.keys.jwks())
    this.keys.reload().then(
      () => {
        if (JSON.stringify(this.keys.jwks()) !== before) this.remembered.clear()
      },
      () => undefined, // the keys at hand stay good; the next round tries again
    )
  }
}
