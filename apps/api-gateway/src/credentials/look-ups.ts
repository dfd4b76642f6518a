import { Inject, Injectable } from '@nestjs/common'
import { AppError } from '@catamaran/platform'
import { LRUCache } from 'lru-cache'
import { CONFIG, type Config } from '../config.js'
import { LocalBuckets, paceOf, type Pace } from '../limits/gcra.js'

const REMEMBERED_DENIALS = 100_000
const ALL = 'all'

/** A key seen for the first time may use this share of what there is. */
const FIRST_TIME_SHARE = 0.5

/**
 * How many keys that were never good in this process may be looked up: random ones with a right checksum can't be told from new ones, but cost
 * auth-service a query each. Part of each bucket is kept for keys that were turned away before and come back: a new key does when it is told to
 * wait, a random one is never seen again, so a flood of these doesn't lock that one out.
 */
@Injectable()
export class LookUps {
  private readonly buckets = new LocalBuckets()
  private readonly denied = new LRUCache<string, true>({ max: REMEMBERED_DENIALS })
  private readonly paces: { readonly address: Pace; readonly all: Pace }
  private running = 0

  constructor(@Inject(CONFIG) private readonly config: Config) {
    this.paces = { address: paceOf(config.apiKeys.lookUpsPerAddress), all: paceOf(config.apiKeys.lookUps) }
  }

  /** Takes a place for a look-up. Give it back with `leave`. @throws AppError request.rate-limited */
  enter(keyHash: string, network: string): void {
    const share = this.denied.has(keyHash) ? 1 : FIRST_TIME_SHARE
    const [address, all] = [shareOf(this.paces.address, share), shareOf(this.paces.all, share)]
    const leastUs = Math.min(this.buckets.left(network, address), this.buckets.left(ALL, all))
    if (leastUs < 0 || this.running >= this.config.apiKeys.lookUpsAtOnce) {
      this.denied.set(keyHash, true)
      throw new AppError('request.rate-limited', {
        detail: 'Too many unknown API keys are tried. A new key works after the seconds in Retry-After.',
        retryAfterS: Math.max(1, Math.ceil(-leastUs / 1_000_000)),
      })
    }
    this.buckets.admit(network, address)
    this.buckets.admit(ALL, all)
    this.denied.delete(keyHash)
    this.running++
  }

  leave(): void {
    this.running--
  }
}

const shareOf = ({ interval, tolerance }: Pace, share: number): Pace => ({ interval, tolerance: Math.max(interval, tolerance * share) })
