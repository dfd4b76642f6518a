import { Injectable } from '@nestjs/common'
import { REVOCATIONS_CHANNEL, type GatewayState } from '@catamaran/contracts'
import { RedisClient, type Queryable } from '@catamaran/data'
import { AppError, type Claims } from '@catamaran/platform'
import { PlansService } from '../partners/plans.service.js'
import { RevocationsRepository, type NewRevocation } from './revocations.repository.js'

/** Longer than any access token lives, clocks a minute apart included. */
const LIFE_MS = 10 * 60_000
const MOST_AT_ONCE = 1_000

/** Ends credentials before their tokens expire: rows that every gateway polls for twice a second, and a broadcast that only hastens it. */
@Injectable()
export class RevocationsService {
  constructor(
    private readonly repository: RevocationsRepository,
    private readonly plans: PlansService,
    private readonly redis: RedisClient,
  ) {}

  /** Writes revocations in the transaction that ends the credentials, as its last statement. Call `announce` after the commit. */
  async revoke(tx: Queryable, revocations: readonly NewRevocation[]): Promise<void> {
    if (revocations.length > 0) await this.repository.insert(tx, revocations, LIFE_MS)
  }

  /** Writes revocations and tells the gateways, where nothing else is to be committed with them. */
  async revokeNow(revocations: readonly NewRevocation[]): Promise<void> {
    await this.repository.insertNow(revocations, LIFE_MS)
    this.announce()
  }

  /** Tells the gateways to look now. Never fails: they look anyway. */
  announce(): void {
    this.redis.publish(REVOCATIONS_CHANNEL, '').catch(() => undefined)
  }

  /** Whether a token may not be used any more, for what the gateways don't judge. @throws AppError auth.token-revoked */
  async requireGood(claims: Claims): Promise<void> {
    if (await this.repository.isRevoked(claims)) throw new AppError('auth.token-revoked')
  }

  /** What a gateway that has read up to `after` has to know. */
  async stateAfter(after: number): Promise<GatewayState> {
    // The end is read first: what is committed between the two reads comes with the next poll.
    const newest = await this.repository.last()
    const [revocations, plans] = await Promise.all([this.repository.listAfter(after, MOST_AT_ONCE), this.plans.list()])
    const isWhole = revocations.length < MOST_AT_ONCE
    return { last: isWhole ? newest : (revocations.at(-1)?.sequence ?? newest), revocations, plans }
  }
}
