import { setTimeout as delay } from 'node:timers/promises'
import { causesOf, env, Repeating, type Logger } from '@catamaran/platform'
import type { BeforeApplicationShutdown, FactoryProvider, OnApplicationBootstrap } from '@nestjs/common'
import { Database } from './database.js'

/** How often each process looks for what has had its time, for a service's configuration schema. */
export const retentionEnv = { RETENTION_EVERY_MS: env.ms.min(1).default(60_000) }

/** Which rows of a table have had their time. Names and conditions are SQL of ours, never input. */
export interface RetentionRule {
  readonly table: string
  /** A time or day with an index that begins with it. */
  readonly age: string
  /** A row goes when its time lies so far back. */
  readonly keepMs: number
  /** Narrows it further. */
  readonly where?: string
}

/** Rows at most in one statement. A lock is held no longer than that takes. */
const BATCH = 1_000

/**
 * The statement of a rule: a batch, the oldest first, found by the index. Rows that somebody else has locked are passed over, so any number of
 * processes may run it at once. Returns how many rows went.
 */
export const retentionTextOf = ({ table, age, where = 'true' }: RetentionRule, keepMs = '$1', batch = '$2'): string =>
  `with gone as (
    delete from ${table} where ctid = any(array(
      select ctid from ${table} where ${age} < now() - ${keepMs} * interval '1 ms' and ${where} order by ${age} limit ${batch} for update skip locked))
    returning 1)
  select count(*) as gone from gone`

export interface RetentionOptions {
  readonly everyMs: number
  readonly rules: readonly RetentionRule[]
  /** Rows at most in one statement. Default 1,000. */
  readonly batch?: number
}

/**
 * Deletes what has had its time, in small batches, in every process of a service. It rests as long as each batch took, so that it never has more than
 * half of one connection.
 * @example
 * ```ts
 * new Retention(database, logger, { everyMs: 60_000, rules: [{ table: 'inbox', age: 'received_at', keepMs: 14 * DAY_MS }] })
 * ```
 */
export class Retention implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly rounds: Repeating
  private isStopped = false

  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
    private readonly options: RetentionOptions,
  ) {
    const failed = (error: unknown): void => logger.warn({ causes: causesOf(error) }, 'old rows stay a while longer')
    this.rounds = new Repeating({ everyMs: options.everyMs, round: () => this.round().then(() => undefined), failed })
  }

  onApplicationBootstrap(): void {
    this.rounds.start()
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopped = true
    await this.rounds.stop()
  }

  /** Deletes all that is due now; a table that fails keeps its rows until the next round. @returns how many rows went, by table */
  async round(): Promise<Record<string, number>> {
    const startedAt = performance.now()
    const gone: Record<string, number> = {}
    for (const rule of this.options.rules) {
      const rows = await this.tidy(rule).catch((error: unknown) => {
        this.logger.warn({ table: rule.table, causes: causesOf(error) }, 'old rows stay a while longer')
        return 0
      })
      if (rows > 0) gone[rule.table] = rows
    }
    const durationMs = Math.round(performance.now() - startedAt)
    if (Object.keys(gone).length > 0) this.logger.info({ retention: gone, durationMs }, 'old rows deleted')
    return gone
  }

  private async tidy(rule: RetentionRule): Promise<number> {
    const { batch = BATCH } = this.options
    const statement = { name: `retention.${rule.table}`, text: retentionTextOf(rule) }
    let total = 0
    while (!this.isStopped) {
      const startedAt = performance.now()
      const [row] = await this.database.query<{ gone: number }>(statement, [rule.keepMs, batch])
      const gone = row?.gone ?? 0
      total += gone
      if (gone < batch) break
      await delay(performance.now() - startedAt)
    }
    return total
  }
}

/** A service's provider of it. Example: `provideRetention(logger, { everyMs: config.retention.everyMs, rules: rulesOf(config) })`. */
export const provideRetention = (logger: Logger, options: RetentionOptions): FactoryProvider<Retention> => ({
  provide: Retention,
  inject: [Database],
  useFactory: (database: Database) => new Retention(database, logger, options),
})
