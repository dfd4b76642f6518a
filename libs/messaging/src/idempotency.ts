import { createHash } from 'node:crypto'
import type { Database, Queryable } from '@catamaran/data'
import { AppError, causesOf, Repeating, type Logger } from '@catamaran/platform'

/** What makes a request the same: who sent it, to do what, under which key, and its body. */
export interface KeyedRequest {
  /** The `sub` of the caller. */
  readonly caller: string
  /** The operation's stable name, for example `webhooks.create`. */
  readonly operation: string
  /** Undefined: the caller did not ask for it. */
  readonly key: string | undefined
  /** The validated body with whatever else is part of the request, such as an id in its path. */
  readonly request: unknown
}

/** `first`: the effect happened now. `again`: it had happened before, and this is what was remembered of it. */
export type Outcome<T, R> = { readonly isReplay: false; readonly value: T } | { readonly isReplay: true; readonly value: R }

const WAIT_MS = 4_000
const DAY_MS = 24 * 3_600_000
const DAYS_AHEAD = 2
const SWEEP_MS = 3_600_000
const LOCK_NOT_AVAILABLE = '55P03'
/** No partition for the day: no process has lived long enough to make it. */
const NO_PARTITION = '23514'

const WAIT = { name: '', text: `set local lock_timeout = ${WAIT_MS}` }
const NO_WAIT = { name: '', text: 'set local lock_timeout = 0' }
const LOCK = { name: 'idempotency.lock', text: "select pg_advisory_xact_lock(hashtextextended($1 || E'\\n' || $2 || E'\\n' || $3, 7))" }
const FIND = {
  name: 'idempotency.find',
  text: `select request_hash as hash, answer from idempotency_record
    where caller = $1 and operation = $2 and key = $3 and created_at > now() - $4 * interval '1 ms'
      and day >= ((now() - $4 * interval '1 ms') at time zone 'utc')::date`,
}
const INSERT = {
  name: 'idempotency.insert',
  text: 'insert into idempotency_record (caller, operation, key, request_hash, answer) values ($1, $2, $3, $4, $5)',
}
const PARTITIONS = {
  name: 'idempotency.partitions',
  text: `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'idempotency_record'::regclass`,
}
const SWEEPING = { name: 'idempotency.sweeping', text: "select pg_advisory_xact_lock(hashtextextended('idempotency partitions', 7))" }
const BRIEFLY = { name: '', text: 'set local lock_timeout = 1000' }

const isoDay = (now: number, days: number): string => new Date(now + days * DAY_MS).toISOString().slice(0, 10)
const nameOf = (day: string): string => `idempotency_record_${day.replaceAll('-', '_')}`

const FORGET = { name: 'idempotency.forget', text: 'delete from idempotency_record where caller = $1' }

/** Forgets what a caller has asked for under keys, within the transaction that erases them. */
export const forgetKeys = async (tx: Queryable, caller: string): Promise<void> => {
  await tx.query(FORGET, [caller])
}

/**
 * Creating writes that may be sent again (IETF draft-ietf-httpapi-idempotency-key-header-07): the record and the effect commit together, so one key has one
 * outcome, whatever is killed in between.
 * @example
 * ```ts
 * const created = await database.transaction((tx) =>
 *   idempotency.once(tx, { caller: claims.sub, operation: 'webhooks.create', key, request: body }, () => repository.insert(tx, body)))
 * if (created.isReplay) reply.header('idempotency-replayed', 'true')
 * ```
 */
export class Idempotency {
  private readonly sweeps: Repeating

  /** @param keepMs how long a key is remembered. Default a day, which is what callers are promised */
  constructor(
    private readonly database: Database,
    logger: Logger,
    private readonly keepMs = DAY_MS,
    private readonly now: () => number = Date.now,
  ) {
    this.sweeps = new Repeating({
      everyMs: SWEEP_MS,
      round: () => this.sweep(),
      failed: (error) => logger.warn({ causes: causesOf(error) }, 'partitions of idempotency records could not be made, trying again'),
    })
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.sweep().catch(() => undefined) // the database may come later: `once` makes what it lacks
    this.sweeps.start()
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.sweeps.stop()
  }

  /**
   * Runs `effect` once for a key, within the caller's transaction. A duplicate of a request that is still running waits for it, then replays it.
   * Call it first in the transaction: it holds a lock of the key until the end.
   * @param remember what a replay answers, as JSON: leave secrets out. Default: all of it
   * @throws AppError request.idempotency-key-reused for another request under the key, request.idempotency-in-progress after four seconds of waiting
   */
  async once<T, R = T>(
    tx: Queryable,
    { caller, operation, key, request }: KeyedRequest,
    effect: () => Promise<T>,
    remember: (value: T) => R = (value) => value as unknown as R,
  ): Promise<Outcome<T, R>> {
    if (key === undefined) return { isReplay: false, value: await effect() }
    const scope = [caller, operation, key] as const
    const hash = createHash('sha256')
      .update(JSON.stringify(request) ?? '')
      .digest()
    await this.lock(tx, scope)
    const [known] = await tx.query<{ hash: Buffer; answer: R }>(FIND, [...scope, this.keepMs])
    if (known !== undefined) {
      if (!known.hash.equals(hash)) throw new AppError('request.idempotency-key-reused')
      return { isReplay: true, value: known.answer }
    }
    const value = await effect()
    await tx.query(INSERT, [...scope, hash, JSON.stringify(remember(value) ?? null)]).catch((error: unknown) => {
      if ((error as { code?: string }).code !== NO_PARTITION) throw error
      void this.sweep().catch(() => undefined)
      throw new AppError('service.unavailable', {}, { cause: error })
    })
    return { isReplay: false, value }
  }

  /** Makes the partitions of today and the next days and drops those that nobody may ask for any more; safe in several processes at once. */
  async sweep(): Promise<void> {
    await this.database.transaction(async (tx) => {
      await tx.query(SWEEPING)
      const found = new Set((await tx.query<{ name: string }>(PARTITIONS)).map(({ name }) => name))
      const wanted = Array.from({ length: DAYS_AHEAD + 2 }, (_, index) => isoDay(this.now(), index - 1))
      await tx.query(BRIEFLY) // dropping waits for who reads the table, and others would wait behind it
      for (const [index, day] of wanted.entries()) {
        const text = `create table ${nameOf(day)} partition of idempotency_record for values from ('${day}') to ('${isoDay(this.now(), index)}')`
        if (!found.has(nameOf(day))) await tx.query({ name: '', text })
      }
      const oldest = nameOf(isoDay(this.now() - this.keepMs, 0))
      for (const name of found) if (name < oldest) await tx.query({ name: '', text: `drop table ${name}` })
    })
  }

  private async lock(tx: Queryable, scope: readonly string[]): Promise<void> {
    await tx.query(WAIT)
    await tx.query(LOCK, scope).catch((error: unknown) => {
      if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE) throw error
      throw new AppError('request.idempotency-in-progress', { retryAfterS: 1 }, { cause: error })
    })
    await tx.query(NO_WAIT)
  }
}
