import type { Database } from './database.js'
import type { Kind, Movement, Row } from './payment.js'

const MOVEMENT = `SELECT l.seq, l.payment AS paymentId, p.reference, l.kind, l.amount AS amountMinor, p.currency, l.key,
  strftime('%Y-%m-%dT%H:%M:%fZ', l.created_at / 1000.0, 'unixepoch') AS createdAt
  FROM ledger l JOIN payment p ON p.id = l.payment`

export type NewRow = Pick<Row, 'id' | 'key' | 'reference' | 'card' | 'status' | 'amount' | 'currency' | 'return_url' | 'created_at'>

/** The queries on payments and their ledger. */
export class Store {
  private readonly statements

  constructor(database: Database) {
    this.statements = {
      insert: database.prepare(
        `INSERT INTO payment (id, key, reference, card, status, amount, currency, return_url, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *`,
      ),
      update: database.prepare(
        'UPDATE payment SET status = ?, decline_code = ?, authorised = ?, captured = ?, voided = ?, expired = ?, refunded = ?, deadline = ? WHERE id = ?',
      ),
      find: database.prepare('SELECT * FROM payment WHERE id = ?'),
      newest: database.prepare('SELECT * FROM payment WHERE seq < ? ORDER BY seq DESC LIMIT ?'),
      byReference: database.prepare('SELECT * FROM payment WHERE reference = ? AND seq < ? ORDER BY seq DESC LIMIT ?'),
      pending: database.prepare("SELECT id FROM payment WHERE status = 'pending' ORDER BY seq"),
      due: database.prepare('SELECT * FROM payment WHERE deadline <= ? ORDER BY deadline LIMIT 200'),
      nextDeadline: database.prepare('SELECT min(deadline) AS deadline FROM payment WHERE deadline IS NOT NULL'),
      move: database.prepare('INSERT INTO ledger (payment, kind, amount, key, created_at) VALUES (?, ?, ?, ?, ?)'),
      movements: database.prepare(`${MOVEMENT} WHERE l.seq > ? ORDER BY l.seq LIMIT ?`),
      movementsOf: database.prepare(`${MOVEMENT} WHERE l.payment = ? ORDER BY l.seq`),
    }
  }

  insert(row: NewRow): Row {
    const { id, key, reference, card, status, amount, currency, return_url, created_at } = row
    return this.statements.insert.get(id, key, reference, card, status, amount, currency, return_url, created_at) as unknown as Row
  }

  update(row: Row): void {
    const { id, status, decline_code, authorised, captured, voided, expired, refunded, deadline } = row
    this.statements.update.run(status, decline_code, authorised, captured, voided, expired, refunded, deadline, id)
  }

  find(id: string): Row | undefined {
    return this.statements.find.get(id) as unknown as Row | undefined
  }

  /** Newest first. @param before only payments older than this one */
  list(limit: number, { reference, before }: { reference?: string | undefined; before?: Row | undefined } = {}): Row[] {
    const seq = before?.seq ?? Number.MAX_SAFE_INTEGER
    const { newest, byReference } = this.statements
    return (reference === undefined ? newest.all(seq, limit) : byReference.all(reference, seq, limit)) as unknown as Row[]
  }

  /** Those whose decision was begun and not yet made. */
  listPending(): string[] {
    return this.statements.pending.all().map(({ id }) => id as string)
  }

  listDue(now: number): Row[] {
    return this.statements.due.all(now) as unknown as Row[]
  }

  nextDeadline(): number | null {
    return (this.statements.nextDeadline.get() as { deadline: number | null }).deadline
  }

  /** Appends to the ledger. */
  move(row: Row, kind: Kind, amount: number, key: string | null, now: number): void {
    this.statements.move.run(row.id, kind, amount, key, now)
  }

  /** All movements in order, those behind `after`. */
  listMovements(after: number, limit: number): Movement[] {
    return this.statements.movements.all(after, limit) as unknown as Movement[]
  }

  listMovementsOf(id: string): Movement[] {
    return this.statements.movementsOf.all(id) as unknown as Movement[]
  }
}
