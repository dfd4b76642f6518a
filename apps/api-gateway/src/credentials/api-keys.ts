import { hash } from 'node:crypto'
import { BlockList, isIPv6 } from 'node:net'
import { Inject, Injectable } from '@nestjs/common'
import { parseApiKey, type ApiKeyExchange, type Revocation } from '@catamaran/contracts'
import { AppError, contextOf } from '@catamaran/platform'
import type { FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import { CONFIG, type Config } from '../config.js'
import { networkOf } from '../limits/caller.js'
import { AuthClient } from './auth.client.js'
import { LookUps } from './look-ups.js'
import { Refusals } from './refusals.js'
import { Revocations } from './revocations.js'

const REMEMBERED_GOOD = 10_000
const REMEMBERED_REFUSED = 50_000
/** While auth-service is away a key asks again only after these pauses: one with a token that is still good, one without. */
const AWAY_PAUSE_MS = 5_000
const FAILED_PAUSE_MS = 1_000
/** How long a token is remembered that a revocation may concern. */
const BRIEFLY_MS = 1_000

type Accepted = Extract<ApiKeyExchange, { accepted: true }>

/** A key that was good. It stays here longer than its token is used: a key that was good once passes the limit of look-ups. */
interface Good {
  readonly keyId: string
  /** Whom it speaks for. */
  readonly sub: string
  readonly token: string
  readonly issuedAt: number
  readonly expiresAt: number
  readonly allowed: BlockList | undefined
  /** From when auth-service is asked again. */
  askAt: number
  /** Whether auth-service did not answer when it was asked last: then nobody waits for it. */
  isAway: boolean
}

/**
 * The access tokens that API keys stand for. One key costs auth-service at most one call a minute, however many requests bring it at once; what is
 * remembered is found by the key's SHA-256, so the key itself is kept nowhere.
 */
@Injectable()
export class ApiKeys {
  private readonly good = new LRUCache<string, Good>({ max: REMEMBERED_GOOD })
  private readonly refused = new LRUCache<string, number>({ max: REMEMBERED_REFUSED })
  private readonly failed = new LRUCache<string, number>({ max: REMEMBERED_REFUSED })
  private readonly pending = new Map<string, Promise<Good>>()
  /** Counts revocations: an answer on its way meanwhile may be older than they are. */
  private generation = 0

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly auth: AuthClient,
    private readonly lookUps: LookUps,
    private readonly refusals: Refusals,
    private readonly revocations: Revocations,
  ) {
    revocations.onAdded((added) => this.forget(added))
  }

  /**
   * The access token of a key: at once while it is remembered, else a promise.
   * @throws AppError auth.api-key-malformed, auth.api-key-invalid, auth.address-not-allowed, request.rate-limited, service.unavailable
   */
  tokenFor(key: string, request: FastifyRequest): string | Promise<string> {
    const keyHash = hash('sha256', key, 'base64url')
    const now = Date.now()
    const good = this.good.get(keyHash)
    if (good !== undefined && good.expiresAt > now) {
      if (good.askAt > now) return tokenOf(good, request)
      const asked = this.ask(keyHash, key, good, request)
      if (good.isAway) {
        asked.catch(() => undefined)
        return tokenOf(good, request)
      }
      return asked.then((found) => tokenOf(found, request))
    }
    if (good === undefined && !this.pending.has(keyHash)) this.requireNew(keyHash, key, request, now)
    else if ((this.failed.get(keyHash) ?? 0) > now) throw new AppError('service.unavailable')
    return this.ask(keyHash, key, good, request).then((found) => tokenOf(found, request))
  }

  /** Judges a key that nothing good is known of, as far as it can be without a look-up. */
  private requireNew(keyHash: string, key: string, request: FastifyRequest, now: number): void {
    this.refusals.requireFew(request)
    if (parseApiKey(key) === undefined) throw new AppError('auth.api-key-malformed')
    if ((this.refused.get(keyHash) ?? 0) > now) throw new AppError('auth.api-key-invalid')
    if ((this.failed.get(keyHash) ?? 0) > now) throw new AppError('service.unavailable')
  }

  /** Asks auth-service, unless somebody does already. */
  private ask(keyHash: string, key: string, known: Good | undefined, request: FastifyRequest): Promise<Good> {
    const pending = this.pending.get(keyHash)
    if (pending !== undefined) return pending
    if (known === undefined) this.lookUps.enter(keyHash, networkOf(request.ip))
    const asked = this.exchange(keyHash, key, known, request).finally(() => {
      this.pending.delete(keyHash)
      if (known === undefined) this.lookUps.leave()
    })
    this.pending.set(keyHash, asked)
    return asked
  }

  private async exchange(keyHash: string, key: string, known: Good | undefined, request: FastifyRequest): Promise<Good> {
    const { generation } = this
    const askedAt = Date.now()
    try {
      const answer = await this.auth.exchange(key, contextOf(request))
      if (!answer.accepted) return this.refuse(keyHash, askedAt)
      const good = goodOf(key, answer)
      // A token of the second in which its partner was suspended is refused; the next one, after a while, may be good.
      const isBrief =
        generation !== this.generation || this.revocations.covers({ clientId: good.keyId, sub: good.sub, issuedAt: good.issuedAt })
      good.askAt = askedAt + (isBrief ? Math.min(BRIEFLY_MS, this.config.apiKeys.rememberMs) : this.config.apiKeys.rememberMs)
      this.good.set(keyHash, good)
      return good
    } catch (error) {
      if (error instanceof AppError && error.code === 'auth.api-key-invalid') throw error
      const now = Date.now()
      if (known !== undefined && known.expiresAt > now && this.good.get(keyHash) === known) {
        known.isAway = true
        known.askAt = now + AWAY_PAUSE_MS
        return known
      }
      this.failed.set(keyHash, now + FAILED_PAUSE_MS)
      throw new AppError('service.unavailable', {}, { cause: error })
    }
  }

  private refuse(keyHash: string, askedAt: number): never {
    this.good.delete(keyHash)
    this.refused.set(keyHash, askedAt + this.config.apiKeys.rememberMs)
    throw new AppError('auth.api-key-invalid')
  }

  /** Drops what was ended, so that auth-service is asked anew: the key may be good again, as a partner's is that was suspended for a while. */
  private forget(revocations: readonly Revocation[]): void {
    this.generation++
    const ended = new Set(revocations.map(({ subject }) => subject))
    for (const [keyHash, { keyId, sub }] of this.good.entries()) if (ended.has(keyId) || ended.has(sub)) this.good.delete(keyHash)
  }
}

const goodOf = (key: string, { accessToken, expiresAt, allowedAddresses }: Accepted): Good => ({
  keyId: parseApiKey(key)?.id ?? '',
  ...claimsIn(accessToken),
  token: accessToken,
  expiresAt: Date.parse(expiresAt),
  allowed: allowedAddresses.length === 0 ? undefined : listOf(allowedAddresses),
  askAt: 0,
  isAway: false,
})

/** Read without verifying: the guard verifies each token before it is used. */
const claimsIn = (token: string): { sub: string; issuedAt: number } => {
  const { sub = '', iat = 0 } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sub?: string; iat?: number }
  return { sub, issuedAt: iat * 1000 }
}

const listOf = (blocks: readonly string[]): BlockList => {
  const list = new BlockList()
  for (const block of blocks) {
    const [address = '', length] = block.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    list.addSubnet(address, length === undefined ? (family === 'ipv6' ? 128 : 32) : Number(length), family)
  }
  return list
}

const tokenOf = ({ token, allowed }: Good, { ip }: FastifyRequest): string => {
  if (allowed !== undefined && !allowed.check(ip, isIPv6(ip) ? 'ipv6' : 'ipv4')) throw new AppError('auth.address-not-allowed')
  return token
}
