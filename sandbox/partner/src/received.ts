import { mkdirSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** What came in, and what was said to it. */
export interface Received {
  /** Counts up in the order of arrival. */
  readonly id: number
  readonly receivedAt: string
  readonly path: string
  readonly webhookId: string | null
  readonly type: string | null
  readonly isVerified: boolean
  /** Why it is not verified. */
  readonly reason: string | null
  /** The status that it was answered with, or how it was treated instead. */
  readonly answer: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}
export type Arrival = Omit<Received, 'id'>

interface Row extends Omit<Received, 'isVerified' | 'headers'> {
  readonly isVerified: number
  readonly headers: string
}

const SCHEMA = `
create table if not exists received (
  id integer primary key autoincrement, received_at text not null, path text not null, webhook_id text, type text, is_verified integer not null,
  reason text, answer text not null, headers text not null, body text not null);
create index if not exists received_webhook on received (webhook_id);
create table if not exists secret (text text primary key);`
const COLUMNS = `id, received_at as receivedAt, path, webhook_id as webhookId, type, is_verified as isVerified, reason, answer, headers, body`

const receivedOf = (row: unknown): Received => {
  const { isVerified, headers, ...rest } = row as Row
  return { ...rest, isVerified: isVerified === 1, headers: JSON.parse(headers) as IncomingHttpHeaders }
}

/** All that was ever received, kept on disk before it is answered, and the secrets it is verified with. */
export class ReceivedStore {
  private readonly sqlite: DatabaseSync

  /** @param folder where it is kept; without one it lives in memory */
  constructor(folder?: string) {
    if (folder !== undefined) mkdirSync(folder, { recursive: true })
    this.sqlite = new DatabaseSync(folder === undefined ? ':memory:' : join(folder, 'partner.sqlite'))
    this.sqlite.exec('pragma journal_mode = wal; pragma synchronous = normal;')
    this.sqlite.exec(SCHEMA)
  }

  add({ receivedAt, path, webhookId, type, isVerified, reason, answer, headers, body }: Arrival): void {
    this.sqlite
      .prepare(
        'insert into received (received_at, path, webhook_id, type, is_verified, reason, answer, headers, body) values (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(receivedAt, path, webhookId, type, isVerified ? 1 : 0, reason, answer, JSON.stringify(headers), body)
  }

  /** In the order of arrival, after the one with an id. */
  list(after: number, limit: number): Received[] {
    return this.sqlite.prepare(`select ${COLUMNS} from received where id > ? order by id limit ?`).all(after, limit).map(receivedOf)
  }

  /** The last ones, newest first. */
  listLast(limit: number): Received[] {
    return this.sqlite.prepare(`select ${COLUMNS} from received order by id desc limit ?`).all(limit).map(receivedOf)
  }

  /** How often a webhook has come. */
  countOf(webhookId: string): number {
    const row = this.sqlite.prepare('select count(*) as n from received where webhook_id = ?').get(webhookId) as { n: number }
    return row.n
  }

  count(): number {
    return (this.sqlite.prepare('select count(*) as n from received').get() as { n: number }).n
  }

  addSecret(text: string): void {
    this.sqlite.prepare('insert into secret (text) values (?) on conflict do nothing').run(text)
  }

  listSecrets(): string[] {
    return this.sqlite
      .prepare('select text from secret')
      .all()
      .map(({ text }) => String(text))
  }

  close(): void {
    this.sqlite.close()
  }
}
