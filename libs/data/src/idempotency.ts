import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Inject, Injectable, Optional, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { AppError, causesOf, LOGGER, Repeating, type IdempotentRequest, type Logger } from '@catamaran/platform'
import { Database, type Queryable } from './database.js'
import { migrate } from './migrate.js'

const FOLDER = fileURLToPath(new URL('../../migrations', import.meta.url))
const EVERY_MS = 60_000
const DAYS_AHEAD = 2
/** How long a duplicate waits for the first request, in milliseconds. */
const JOIN_MS = 8_000

const TRY_LOCK = { name: 'idempotency.try-lock', text: 'select pg_try_advisory_xact_lock($1) as locked' }
const LOCK = { name: 'idempotency.lock', text: 'select pg_advisory_xact_lock($1)' }
const SET_PATIENCE = {
  name: 'idempotency.set-patience',
  text: `select current_setting('statement_timeout') as before, set_config('statement_timeout', $1, true)`,
}
const FIND = {
  name: 'idempotency.find',
  text: `select hash, object_id as "objectId", answer from idempotency_record
    where id = $1 and created_at > now() - interval '24 hours' order by created_at desc limit 1`,
}
const INSERT = {
  name: 'idempotency.insert',
  text: 'insert into idempotency_record (id, hash, object_id, answer) values ($1, $2, $3, $4)',
}
const KEEP = { name: 'idempotency.keep', text: 'select keep_idempotency_partitions($1)' }

/** query_canceled: the wait for a lock met its limit. */
const TOO_LONG = '57014'

interface IdempotencyRecord {
  readonly hash: Buffer
  readonly objectId: string | null
  readonly answer: unknown
}

const inProgress = (options?: { cause: unknown }): AppError => new AppError('request.idempotency-in-progress', { retryAfterS: 1 }, options)

/** Creates or migrates the table of idempotency records in a service's own database. @returns the names of the files applied now */
export const migrateIdempotency = (url: string): Promise<string[]> => migrate(url, FOLDER, 'idempotency_schema_version')

/**
 * Lets a request that makes something happen once for each Idempotency-Key, whichever processes its retries reach. What it did and what it answered
 * are committed together and remembered for 24 hours; a request that failed leaves nothing, so that its retry is tried anew.
 */
@Injectable()
export class Idempotency implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** Requests in hand in this process: only one of those with the same key holds a connection. */
  private readonly inHand = new Map<string, Promise<void>>()
  private readonly rounds: Repeating

  /** @param joinMs how long a duplicate waits for the first request, in milliseconds. Default 8,000 */
  constructor(
    private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    @Optional() private readonly joinMs: number = JOIN_MS,
  ) {
    this.rounds = new Repeating({ everyMs: EVERY_MS, round: () => this.keepPartitions(), failed: (error) => this.tell(error) })
  }

  /**
   * Runs `work` in a transaction, once for each key; a retry gets the same answer, which is kept with the record: no secrets and no personal data.
   * Example: `this.idempotency.once(request, (tx) => this.repository.insert(tx, product))`.
   * @throws AppError request.idempotency-key-reused, request.idempotency-in-progress, and what `work` throws
   */
  async once<T extends object>(request: IdempotentRequest, work: (tx: Queryable) => Promise<T>): Promise<T> {
    const outcome = await this.run(request, work, (made) => [null, JSON.stringify(made)])
    return 'made' in outcome ? outcome.made : (outcome.record.answer as T)
  }

  /**
   * The same for an answer that holds a secret or personal data: only the id of what was made is kept, and a retry gets what `read` finds.
   * Example: `this.idempotency.onceThenRead(request, (tx) => this.insert(tx, body), (id) => this.read(member.partnerId, id))`.
   * @throws AppError as `once`, and what `read` throws where the object is gone
   */
  async onceThenRead<T extends { readonly id: string }, R>(
    request: IdempotentRequest,
    work: (tx: Queryable) => Promise<T>,
    read: (id: T['id']) => Promise<R>,
  ): Promise<T | R> {
    const outcome = await this.run(request, work, ({ id }) => [id, null])
    return 'made' in outcome ? outcome.made : read(outcome.record.objectId as T['id'])
  }

  /** Makes the partitions of the next days and drops those that have had their time; safe in several processes at once. */
  async keepPartitions(): Promise<void> {
    await this.database.query(KEEP, [DAYS_AHEAD])
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.keepPartitions().catch((error: unknown) => this.tell(error))
    this.rounds.start()
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.rounds.stop()
  }

  private async run<T>(
    request: IdempotentRequest,
    work: (tx: Queryable) => Promise<T>,
    keep: (made: T) => [objectId: string | null, answer: string | null],
  ): Promise<{ made: T } | { record: IdempotencyRecord }> {
    const { caller, operation, key, hash } = request
    if (key === undefined) return { made: await this.database.transaction(work) }
    const id = createHash('sha256')
      .update(JSON.stringify([caller, operation, key]))
      .digest()
    const deadline = performance.now() + this.joinMs
    const leave = await this.enter(id.toString('base64'), deadline)
    try {
      return await this.database.transaction(async (tx) => {
        await lock(tx, id, deadline)
        const [record] = await tx.query<IdempotencyRecord>(FIND, [id])
        if (record !== undefined && !hash.equals(record.hash)) throw new AppError('request.idempotency-key-reused')
        if (record !== undefined) {
          request.markReplayed()
          return { record }
        }
        const made = await work(tx)
        await tx.query(INSERT, [id, hash, ...keep(made)])
        return { made }
      })
    } finally {
      leave()
    }
  }

  /** Waits for the turn among the requests of this process that have the same key. @returns what ends the turn */
  private async enter(id: string, deadline: number): Promise<() => void> {
    for (let before = this.inHand.get(id); before !== undefined; before = this.inHand.get(id)) {
      const waiting = new AbortController()
      const late = delay(Math.max(0, deadline - performance.now()), true, { signal: waiting.signal }).catch(() => false)
      const isLate = await Promise.race([before.then(() => false), late])
      waiting.abort()
      if (isLate) throw inProgress()
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    this.inHand.set(id, promise)
    return () => {
      this.inHand.delete(id)
      resolve()
    }
  }

  private tell(error: unknown): void {
    this.logger.warn({ causes: causesOf(error) }, 'the partitions of idempotency records wait for another round')
  }
}

/**
 * Takes the lock of a key until the transaction ends. In a statement of its own: the next one must see what its last holder committed.
 * @throws AppError request.idempotency-in-progress
 */
const lock = async (tx: Queryable, id: Buffer, deadline: number): Promise<void> => {
  const lockId = String(id.readBigInt64BE(0))
  const [tried] = await tx.query<{ locked: boolean }>(TRY_LOCK, [lockId])
  if (tried?.locked === true) return
  const waitMs = Math.ceil(Math.max(1, deadline - performance.now()))
  const [{ before } = { before: '0' }] = await tx.query<{ before: string }>(SET_PATIENCE, [String(waitMs)])
  await tx.query(LOCK, [lockId]).catch((error: unknown) => {
    throw (error as { code?: string }).code === TOO_LONG ? inProgress({ cause: error }) : error
  })
  await tx.query(SET_PATIENCE, [before])
}
