import { hash } from 'node:crypto'
import type { Database } from './database.js'
import { Refusal } from './payment.js'

const KEPT_MS = 24 * 3_600_000

export interface Answer {
  readonly status: number
  /** JSON. */
  readonly body: string
  readonly isReplay: boolean
}

export const hashOf = (path: string, body: string): string => hash('sha256', `${path}\n${body}`, 'base64')

/** What each key was answered, kept a day at least. */
export class Idempotency {
  private readonly statements

  constructor(database: Database) {
    this.statements = {
      find: database.prepare('SELECT hash, status, body FROM idempotency WHERE key = ?'),
      insert: database.prepare('INSERT INTO idempotency (key, hash, status, body, created_at) VALUES (?, ?, ?, ?, ?)'),
      finish: database.prepare('UPDATE idempotency SET status = ?, body = ? WHERE key = ?'),
    }
    database.prepare('DELETE FROM idempotency WHERE created_at < ? AND status IS NOT NULL').run(Date.now() - KEPT_MS)
  }

  /** @throws Refusal when the key belongs to another call or to one that still runs */
  find(key: string, hash: string): Answer | undefined {
    const kept = this.statements.find.get(key) as { hash: string; status: number | null; body: string | null } | undefined
    if (!kept) return undefined
    if (kept.hash !== hash) throw new Refusal('idempotency_key_reused', 'The key was used for another call')
    if (kept.status === null || kept.body === null) throw inProgress()
    return { status: kept.status, body: kept.body, isReplay: true }
  }

  /** Call it in the transaction of the effect. @param answer undefined while the call goes on */
  keep(key: string, hash: string, answer: Omit<Answer, 'isReplay'> | undefined): void {
    this.statements.insert.run(key, hash, answer?.status ?? null, answer?.body ?? null, Date.now())
  }

  /** Call it in the transaction of the effect. */
  finish(key: string, { status, body }: Omit<Answer, 'isReplay'>): void {
    this.statements.finish.run(status, body, key)
  }
}

export const inProgress = (): Refusal => new Refusal('idempotency_in_progress', 'A call with this key is running', 409)
