import { Inject, Injectable } from '@nestjs/common'
import { idOf, parseApiKey, type ApiKeyExchange } from '@catamaran/contracts'
import { logFields } from '@catamaran/platform'
import { CLOCK, CONFIG, type Clock, type Config } from '../config.js'
import { AccessTokens } from '../oidc/access-tokens.js'
import { ApiKeysRepository, type StoredKey } from './api-keys.repository.js'
import { isSecret } from './secret-hash.js'

const TOKEN_S = 120

/** Gives a gateway the access token that stands for an API key inside. */
@Injectable()
export class ExchangeService {
  constructor(
    private readonly keys: ApiKeysRepository,
    private readonly tokens: AccessTokens,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly now: Clock,
  ) {}

  /** Costs one read; a key that is not good, for whatever reason, is refused in the same words. */
  async exchange(text: string): Promise<ApiKeyExchange> {
    // Before the read: a token says it is older than whatever is decided about the partner after it.
    const issuedAtS = Math.floor(this.now() / 1_000)
    const key = parseApiKey(text)
    if (key === undefined || key.mode !== this.config.apiKeyMode) return { accepted: false }
    logFields({ apiKey: key.id })
    const stored = await this.keys.findStored(key.id)
    if (stored === undefined || !isSecret(key.secret, stored.secretHash) || !isGood(stored, key.mode)) return { accepted: false }
    const expiresAtS = Math.min(issuedAtS + TOKEN_S, Math.floor((stored.expiresAt?.getTime() ?? Infinity) / 1_000))
    if (expiresAtS <= issuedAtS) return { accepted: false }
    const { scopes, plan, allowedAddresses } = stored
    const accessToken = await this.tokens.sign({
      ...{ sub: idOf('partner', stored.partnerId), clientId: key.id, scopes, plan, issuedAtS, expiresAtS },
    })
    return { accepted: true, accessToken, expiresAt: new Date(expiresAtS * 1_000).toISOString(), allowedAddresses }
  }
}

const isGood = ({ mode, revokedAt, partnerStatus }: StoredKey, asked: StoredKey['mode']): boolean =>
  mode === asked && revokedAt === null && partnerStatus === 'active'
