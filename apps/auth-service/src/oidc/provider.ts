import { createHmac } from 'node:crypto'
import { Inject, Injectable } from '@nestjs/common'
import { Provider, type Account, type Adapter, type Client, type Session } from 'oidc-provider'
import type { JWK } from 'jose'
import { CONFIG, type Config } from '../config.js'
import { SessionsService } from '../sessions/sessions.service.js'
import { UsersService } from '../users/users.service.js'
import { ArtifactsRepository } from './artifacts.repository.js'
import { ClientsRepository, isClientSecret } from './clients.repository.js'
import { configuration } from './configuration.js'
import { Replays } from './replays.js'
import { SigningKeys } from './signing-keys.js'

/**
 * The OpenID provider (`oidc-provider`) with our storage, clients, users and keys behind it. When the signing keys change a new instance takes
 * over; it holds no state, so requests in hand finish on the old one.
 */
@Injectable()
export class OidcProvider {
  /** Where browsers see us: scheme, host and port. */
  readonly publicOrigin: string
  private provider: Provider

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly artifacts: ArtifactsRepository,
    private readonly clients: ClientsRepository,
    private readonly users: UsersService,
    private readonly replays: Replays,
    private readonly sessions: SessionsService,
    keys: SigningKeys,
  ) {
    this.publicOrigin = new URL(config.service.issuer).origin
    this.provider = this.create(keys.current())
    keys.onChange((changed) => {
      this.provider = this.create(changed)
    })
  }

  get current(): Provider {
    return this.provider
  }

  private create(keys: JWK[]): Provider {
    const { issuer } = this.config.service
    const provider = new Provider(issuer, {
      ...configuration(issuer, this.config.oidc.cookieKeys, Math.ceil(this.config.retention.sessionMs / 1000), (id) =>
        this.users.isOperator(id),
      ),
      jwks: { keys: keys as never },
      adapter: (kind) => this.storage(kind),
      findAccount: (_ctx, id) => this.findAccount(id),
    })
    provider.proxy = true // scheme and host are what the mount says, see oidc.routes.ts
    provider.Client.prototype.compareClientSecret = function (this: Client, secret: string) {
      return isClientSecret(secret, this.clientSecret ?? '')
    }
    const { sessions } = this
    const session = provider.Session.prototype as unknown as { destroy: (this: Session) => Promise<void> }
    const end = session.destroy
    session.destroy = async function (this: Session) {
      // Its access tokens first: afterwards nobody could find the session to try again.
      await sessions.signedOut(this.accountId, this.uid)
      return end.call(this)
    }
    const tokens = provider.RefreshToken.prototype as unknown as { generateTokenId: (this: object) => string }
    const randomId = tokens.generateTokenId
    const { successorOf } = this
    tokens.generateTokenId = function (this: object) {
      const spent = Provider.ctx?.oidc.entities.RotatedRefreshToken
      return spent === undefined ? randomId.call(this) : successorOf(spent.jti)
    }
    return provider
  }

  /**
   * The refresh token that follows a spent one. It follows from it by a keyed hash, so that a client which lost the answer is given the
   * same one again without our keeping it (design section 11).
   */
  private readonly successorOf = (id: string): string =>
    createHmac('sha256', this.config.oidc.cookieKeys[0] ?? '')
      .update(`successor of ${id}`)
      .digest('base64url')

  private storage(kind: string): Adapter {
    if (kind === 'Client') return this.clients.adapter()
    if (kind === 'Session') return this.sessions.adapter(() => Provider.ctx?.get('user-agent'))
    if (kind === 'ReplayDetection') return this.replays.adapter()
    return this.artifacts.adapter(kind, { successorOf: this.successorOf, onReuse: (id) => this.sessions.tokensStolen(id) })
  }

  private async findAccount(id: string): Promise<Account | undefined> {
    const user = await this.users.findUser(id)
    if (user === undefined) return undefined
    return { accountId: user.id, claims: () => ({ sub: user.id, email: user.email, email_verified: true }) }
  }
}
