import { randomUUID } from 'node:crypto'
import { Inject, Injectable } from '@nestjs/common'
import { AUDIENCE } from '@catamaran/contracts'
import { importJWK, SignJWT, type CryptoKey, type JWK } from 'jose'
import { CONFIG, type Config } from '../config.js'
import { SigningKeys } from './signing-keys.js'

export interface AccessTokenClaims {
  readonly sub: string
  readonly clientId: string
  readonly scopes: readonly string[]
  readonly plan: string
  /** Epoch seconds. */
  readonly issuedAtS: number
  readonly expiresAtS: number
}

/** Makes access tokens (RFC 9068) as oidc-provider does, for credentials that are none of OAuth's. */
@Injectable()
export class AccessTokens {
  private signing: { readonly jwk: JWK; readonly key: Promise<CryptoKey | Uint8Array> } | undefined

  constructor(
    private readonly keys: SigningKeys,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async sign({ sub, clientId, scopes, plan, issuedAtS, expiresAtS }: AccessTokenClaims): Promise<string> {
    const { jwk, key } = this.current()
    return new SignJWT({ client_id: clientId, scope: scopes.join(' '), plan })
      .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', ...(jwk.kid === undefined ? {} : { kid: jwk.kid }) })
      .setIssuer(this.config.service.issuer)
      .setAudience(AUDIENCE)
      .setSubject(sub)
      .setJti(randomUUID())
      .setIssuedAt(issuedAtS)
      .setExpirationTime(expiresAtS)
      .sign(await key)
  }

  /** The first Ed25519 key signs; it is imported once. */
  private current(): NonNullable<AccessTokens['signing']> {
    const jwk = this.keys.current().find(({ alg }) => alg === 'EdDSA')
    if (jwk === undefined) throw new Error('there is no key to sign access tokens with')
    if (this.signing?.jwk !== jwk) this.signing = { jwk, key: importJWK(jwk, 'EdDSA') }
    return this.signing
  }
}
