import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'

const SCHEMA = `
CREATE TABLE IF NOT EXISTS payment (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  key TEXT NOT NULL,
  reference TEXT NOT NULL,
  card TEXT NOT NULL,
  status TEXT NOT NULL,
  decline_code TEXT,
  amount INTEGER NOT NULL CHECK (amount > 0),
  currency TEXT NOT NULL,
  return_url TEXT,
  authorised INTEGER NOT NULL DEFAULT 0,
  captured INTEGER NOT NULL DEFAULT 0,
  voided INTEGER NOT NULL DEFAULT 0,
  expired INTEGER NOT NULL DEFAULT 0,
  refunded INTEGER NOT NULL DEFAULT 0 CHECK (refunded <= captured),
  -- When an authorisation ends, or a challenge that nobody answered; null once neither can.
  deadline INTEGER,
  created_at INTEGER NOT NULL,
  CHECK (captured + voided + expired <= authorised)
) STRICT;
CREATE INDEX IF NOT EXISTS payment_reference ON payment (reference, seq);
CREATE INDEX IF NOT EXISTS payment_deadline ON payment (deadline) WHERE deadline IS NOT NULL;
CREATE INDEX IF NOT EXISTS payment_pending ON payment (seq) WHERE status = 'pending';
CREATE TABLE IF NOT EXISTS ledger (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  payment TEXT NOT NULL,
  kind TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0),
  -- Of the call that moved it; null where time or the cardholder did.
  key TEXT,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS ledger_payment ON ledger (payment, seq);
CREATE TRIGGER IF NOT EXISTS ledger_no_update BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS ledger_no_delete BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TABLE IF NOT EXISTS idempotency (
  key TEXT PRIMARY KEY,
  hash TEXT NOT NULL,
  -- Null while the call runs.
  status INTEGER,
  body TEXT,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS callback (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  payment TEXT NOT NULL,
  body TEXT NOT NULL,
  copies INTEGER NOT NULL DEFAULT 1,
  is_held INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  -- Null after the last attempt failed.
  due_at INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS callback_due ON callback (due_at);
CREATE INDEX IF NOT EXISTS callback_held ON callback (payment) WHERE is_held = 1;
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
`

/** How long what may be lost waits for a transaction. */
const LAZY_MS = 20

interface Job {
  readonly work: () => unknown
  readonly resolve: (value: unknown) => void
  readonly reject: (cause: unknown) => void
}

/** The provider's one file. What arrives together is committed together, so one fsync serves every call that waits for it. */
export class Database {
  private readonly sqlite: DatabaseSync
  private readonly begin: StatementSync
  private readonly commit: StatementSync
  private readonly savepoint: StatementSync
  private readonly release: StatementSync
  private jobs: Job[] = []
  private isFlushDue = false
  private timer: NodeJS.Timeout | undefined
  private isClosed = false

  /** @param folder where the file lies; in memory without it */
  constructor(folder: string | undefined) {
    if (folder !== undefined) mkdirSync(folder, { recursive: true })
    this.sqlite = new DatabaseSync(folder === undefined ? ':memory:' : join(folder, 'psp.sqlite'))
    this.sqlite.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 2000;')
    this.sqlite.exec(SCHEMA)
    this.begin = this.sqlite.prepare('BEGIN IMMEDIATE')
    this.commit = this.sqlite.prepare('COMMIT')
    this.savepoint = this.sqlite.prepare('SAVEPOINT job')
    this.release = this.sqlite.prepare('RELEASE job')
  }

  prepare(sql: string): StatementSync {
    return this.sqlite.prepare(sql)
  }

  /** Runs `work` in a transaction and resolves with its result once that is on disk. When `work` throws, nothing of it remains. */
  run<T>(work: () => T): Promise<T> {
    if (!this.isFlushDue) setImmediate(() => this.flush())
    this.isFlushDue = true
    return this.add(work)
  }

  /** Like `run` for what may be lost by a kill: it waits a little for another transaction to go with. */
  runLazily<T>(work: () => T): Promise<T> {
    this.timer ??= setTimeout(() => this.flush(), LAZY_MS)
    return this.add(work)
  }

  close(): void {
    this.flush()
    this.isClosed = true
    this.sqlite.close()
  }

  private add<T>(work: () => T): Promise<T> {
    if (this.isClosed) return Promise.reject(new Error('The database is closed'))
    return new Promise<T>((resolve, reject) => this.jobs.push({ work, resolve: resolve as (value: unknown) => void, reject }))
  }

  private flush(): void {
    const { jobs } = this
    this.jobs = []
    this.isFlushDue = false
    clearTimeout(this.timer)
    this.timer = undefined
    if (jobs.length === 0) return
    const settle: (() => void)[] = []
    try {
      this.begin.run()
      for (const { work, resolve, reject } of jobs) {
        try {
          const value = jobs.length === 1 ? work() : this.inSavepoint(work)
          settle.push(() => resolve(value))
        } catch (error) {
          if (jobs.length === 1) throw error
          settle.push(() => reject(error))
        }
      }
      this.commit.run()
    } catch (error) {
      if (this.sqlite.isTransaction) this.sqlite.exec('ROLLBACK')
      for (const { reject } of jobs) reject(error)
      return
    }
    for (const tell of settle) tell()
  }

  private inSavepoint(work: () => unknown): unknown {
    this.savepoint.run()
    try {
      const value = work()
      this.release.run()
      return value
    } catch (error) {
      this.sqlite.exec('ROLLBACK TO job; RELEASE job')
      throw error
    }
  }
}
