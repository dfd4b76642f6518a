import { Inject, Injectable, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common'
import { REVOCATIONS_CHANNEL, type Plan } from '@catamaran/contracts'
import { RedisClient } from '@catamaran/data'
import { causesOf, LOGGER, observe, type Logger } from '@catamaran/platform'
import type { Redis } from 'ioredis'
import { AuthClient } from './auth.client.js'
import { Revocations } from './revocations.js'

const START_WAIT_MS = 1_000
/** From the start of one poll to the start of the next: with the call's deadline of 400 ms a revocation is known well within a second. */
const EVERY_MS = { least: 380, most: 480 }
/** Between polls that fail. */
const RETRY_MS = { least: 200, most: 400 }
/** So many at once mean that there may be more. */
const PAGE = 1_000
const PRUNE_EVERY_MS = 10_000

const between = ({ least, most }: { least: number; most: number }): number => least + Math.random() * (most - least)

/**
 * What auth-service has decided lately: revocations and plans. Asked for twice a second, and at once when Redis says so or may have missed to say
 * so. While auth-service is away the last answer stands; `auth.revocations.age` tells how old it is.
 */
@Injectable()
export class AuthState implements OnModuleInit, BeforeApplicationShutdown {
  private readonly plans = new Map<string, { readonly plan: Plan; readonly text: string }>()
  private after = 0
  private isToClear = false
  private polling: Promise<void> | undefined
  private isWanted = false
  private isStopped = false
  private isAway = false
  private timer: NodeJS.Timeout | undefined
  private pruneAt = 0
  private knownAt = performance.now()
  private readonly first = Promise.withResolvers<void>()
  /** Resolves with the first answer there is. */
  readonly known = this.first.promise
  private readonly subscriber: Redis

  constructor(
    private readonly auth: AuthClient,
    private readonly revocations: Revocations,
    redis: RedisClient,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.subscriber = redis.subscriber()
    observe('auth.revocations.age', (tell) => tell((performance.now() - this.knownAt) / 1000))
  }

  /** Gives auth-service a moment, so that what was revoked before the start is known to the first request. */
  async onModuleInit(): Promise<void> {
    this.subscriber.on('message', () => this.pollNow()).on('ready', () => this.pollNow())
    this.subscriber.subscribe(REVOCATIONS_CHANNEL).catch(() => undefined) // it subscribes anew whenever it connects
    this.pollNow()
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, START_WAIT_MS)
      void this.known.then(() => resolve(clearTimeout(timer)))
    })
  }

  /** A plan as it is now; the same object until it changes. */
  planOf(id: string | undefined): Plan | undefined {
    return id === undefined ? undefined : this.plans.get(id)?.plan
  }

  beforeApplicationShutdown(): void {
    this.isStopped = true
    clearTimeout(this.timer)
    this.subscriber.disconnect()
  }

  private pollNow(): void {
    if (this.isStopped) return
    // One that runs may have been answered before the news: another follows.
    this.isWanted = this.polling !== undefined
    if (this.isWanted) return
    clearTimeout(this.timer)
    const startedAt = performance.now()
    this.polling = this.poll().then((waitMs) => {
      this.polling = undefined
      if (this.isWanted) return this.pollNow()
      if (!this.isStopped) this.timer = setTimeout(() => this.pollNow(), Math.max(0, waitMs - (performance.now() - startedAt)))
    })
  }

  /** Asks once. @returns how long after its start the next one is due, in milliseconds */
  private async poll(): Promise<number> {
    const askedAt = performance.now()
    try {
      const { last, revocations, plans } = await this.auth.state(this.after)
      if (this.isAway) this.logger.info('auth-service tells revocations again')
      this.isAway = false
      if (last < this.after) {
        // Another history than the one we know: what we know stays in force until the new one is here.
        this.after = 0
        this.isToClear = true
        return 0
      }
      if (this.isToClear) this.revocations.clear()
      this.isToClear = false
      this.revocations.add(revocations)
      this.keepPlans(plans)
      this.after = last
      this.knownAt = askedAt
      this.first.resolve()
      this.prune()
      return revocations.length < PAGE ? between(EVERY_MS) : 0
    } catch (error) {
      if (!this.isAway) this.logger.warn({ causes: causesOf(error) }, 'auth-service does not tell revocations')
      this.isAway = true
      return performance.now() - askedAt + between(RETRY_MS)
    }
  }

  private keepPlans(plans: readonly Plan[]): void {
    for (const plan of plans) {
      const text = JSON.stringify(plan)
      if (this.plans.get(plan.id)?.text !== text) this.plans.set(plan.id, { plan, text })
    }
    if (this.plans.size === plans.length) return
    const ids = new Set(plans.map(({ id }) => id))
    for (const id of this.plans.keys()) if (!ids.has(id)) this.plans.delete(id)
  }

  private prune(): void {
    const now = Date.now()
    if (now < this.pruneAt) return
    this.pruneAt = now + PRUNE_EVERY_MS
    this.revocations.prune(now)
  }
}
