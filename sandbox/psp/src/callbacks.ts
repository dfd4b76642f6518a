import { createHmac, randomUUID } from 'node:crypto'
import { Agent, request, type RequestOptions } from 'node:http'
import { urlToHttpOptions } from 'node:url'
import type { Database } from './database.js'
import type { Payment } from './payment.js'

const MAX_AT_ONCE = 16
const MAX_ATTEMPTS = 20
const FIRST_RETRY_MS = 100
const LONGEST_RETRY_MS = 30_000
const ATTEMPT_MS = 5_000
/** How long a callback waits for a later one to overtake it. */
const HOLD_MS = 10_000

interface CallbackRow {
  readonly seq: number
  readonly payment: string
  readonly body: string
  readonly copies: number
  readonly attempts: number
}

export interface Delivery {
  /** How often it is sent after all went well. */
  readonly copies: number
  /** Whether a later callback of the payment overtakes it. */
  readonly isHeld: boolean
}

/** `t=<unix seconds>,v1=<hex hmac-sha256 of "t.body">` */
export const signature = (secret: string, body: string, seconds: number): string =>
  `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`

/** Signed callbacks: kept with the change they tell of, sent until they are answered 2xx, at most 20 times (about seven minutes). */
export class Callbacks {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: MAX_AT_ONCE })
  private readonly options: RequestOptions
  private readonly inFlight = new Set<number>()
  /** Those in flight, and those whose outcome is not yet on disk. */
  private readonly taken = new Set<number>()
  private readonly tried = new Map<number, () => void>()
  private timer: NodeJS.Timeout | undefined
  private isAwake = false
  private isClosed = false
  private readonly statements

  constructor(
    private readonly database: Database,
    url: string,
    private readonly secret: string,
  ) {
    this.options = { ...urlToHttpOptions(new URL(url)), method: 'POST', agent: this.agent }
    this.statements = {
      insert: database.prepare('INSERT INTO callback (payment, body, copies, is_held, due_at) VALUES (?, ?, ?, ?, ?)'),
      due: database.prepare('SELECT seq FROM callback WHERE due_at <= ? ORDER BY due_at, seq LIMIT ?'),
      find: database.prepare('SELECT seq, payment, body, copies, attempts FROM callback WHERE seq = ?'),
      next: database.prepare('SELECT min(due_at) AS due FROM callback WHERE due_at > ?'),
      done: database.prepare('DELETE FROM callback WHERE seq = ?'),
      again: database.prepare('UPDATE callback SET copies = copies - 1, due_at = ? WHERE seq = ?'),
      retry: database.prepare('UPDATE callback SET attempts = attempts + 1, due_at = ? WHERE seq = ?'),
      release: database.prepare('UPDATE callback SET is_held = 0, due_at = ? WHERE payment = ? AND is_held = 1 AND seq < ?'),
      count: database.prepare('SELECT count(due_at) AS waiting, count(*) - count(due_at) AS failed FROM callback'),
    }
  }

  /** Call it in the transaction of the change; `wake` after its commit. @returns what `firstAttempt` takes */
  record(type: string, payment: Payment, now: number, { copies, isHeld }: Delivery): number {
    const body = JSON.stringify({ id: `pcb_${randomUUID().replaceAll('-', '')}`, type, createdAt: new Date(now).toISOString(), payment })
    return Number(this.statements.insert.run(payment.id, body, copies, Number(isHeld), isHeld ? now + HOLD_MS : now).lastInsertRowid)
  }

  /** Resolves when a callback was tried once, whatever came of it. Call it before `wake`. */
  firstAttempt(seq: number): Promise<void> {
    return new Promise((resolve) => this.tried.set(seq, resolve))
  }

  /** Sends what is due, and comes back when more will be. */
  wake(): void {
    this.isAwake ||= (setImmediate(() => this.sendDue()), true)
  }

  /** @returns how many wait for their next attempt, and how many were given up */
  count(): { waiting: number; failed: number } {
    return { ...(this.statements.count.get() as { waiting: number; failed: number }) }
  }

  close(): void {
    this.isClosed = true
    clearTimeout(this.timer)
    this.agent.destroy()
    for (const tell of this.tried.values()) tell()
  }

  private sendDue(): void {
    this.isAwake = false
    const free = MAX_AT_ONCE - this.inFlight.size
    if (this.isClosed || free === 0) return
    const now = Date.now()
    const due = this.statements.due.all(now, this.taken.size + free) as unknown as { seq: number }[]
    const chosen = due.filter(({ seq }) => !this.taken.has(seq)).slice(0, free)
    for (const { seq } of chosen) void this.deliver(this.statements.find.get(seq) as unknown as CallbackRow)
    clearTimeout(this.timer)
    const next = (this.statements.next.get(now) as { due: number | null }).due
    if (next !== null) this.timer = setTimeout(() => this.wake(), next - now)
  }

  private async deliver(row: CallbackRow): Promise<void> {
    this.inFlight.add(row.seq)
    this.taken.add(row.seq)
    const isTaken = await this.post(row.body).then(
      (status) => status >= 200 && status < 300,
      () => false,
    )
    this.inFlight.delete(row.seq)
    if (this.isClosed) return
    this.tried.get(row.seq)?.()
    this.tried.delete(row.seq)
    this.wake()
    try {
      await this.database.runLazily(() => (isTaken ? this.noteTaken(row) : this.noteFailed(row)))
    } catch (error) {
      process.stderr.write(`callback ${row.seq} was sent and not noted: ${String(error)}\n`)
    }
    this.taken.delete(row.seq)
    this.wake()
  }

  private noteTaken({ seq, payment, copies }: CallbackRow): void {
    const now = Date.now()
    if (copies > 1) this.statements.again.run(now, seq)
    else this.statements.done.run(seq)
    this.statements.release.run(now, payment, seq)
  }

  private noteFailed({ seq, attempts }: CallbackRow): void {
    const delayMs = Math.min(FIRST_RETRY_MS * 2 ** attempts, LONGEST_RETRY_MS)
    this.statements.retry.run(attempts + 1 < MAX_ATTEMPTS ? Date.now() + delayMs : null, seq)
  }

  private post(body: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const headers = {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'psp-signature': signature(this.secret, body, Math.floor(Date.now() / 1000)),
      }
      const sent = request({ ...this.options, headers }, (response) => {
        response.resume().on('error', reject)
        response.on('end', () => resolve(response.statusCode ?? 0))
      })
      const deadline = setTimeout(() => sent.destroy(new Error('The receiver took too long')), ATTEMPT_MS)
      sent.on('error', reject)
      sent.on('close', () => clearTimeout(deadline))
      sent.end(body)
    })
  }
}
