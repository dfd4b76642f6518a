import { Inject, Injectable } from '@nestjs/common'
import { idOf, newId, uuidOf, type Currency, type Id, type OrderId } from '@catamaran/contracts'
import { Database, type Queryable, type Statement } from '@catamaran/data'
import { CONFIG, type Config } from '../config.js'
import type { OrderStatus } from '../orders/orders.schema.js'
import type { PaymentOperation, StuckPaymentsQuery } from './stuck-payments.schema.js'

type OperationId = Id<'paymentOperation'>

const COLUMNS = `p.id, p.order_id, p.kind, p.amount_minor, p.status, p.attempts, p.last_error, p.due_at, p.created_at, p.replaced_by,
  extract(epoch from now() - p.created_at)::int as age_s, o.currency, o.status as order_status`

// Each branch is one of the partial indexes of what has not ended: few rows among all operations that ever were.
const WAITING = "select * from payment_operation where status in ('due', 'action_required')"
const REFUSED = "select * from payment_operation where status = 'refused'"
const BRANCHES: Record<StuckPaymentsQuery['status'], string> = {
  open: `${WAITING} union all ${REFUSED}`,
  refused: REFUSED,
  stuck: `select * from payment_operation where status = 'refused' or (status in ('due', 'action_required') and attempts > 5)
    union all ${WAITING} and attempts <= 5 and created_at < now() - interval '1 hour'`,
}
const listOf = (status: StuckPaymentsQuery['status']): Statement => ({
  name: `ops.payments-${status}`,
  text: `select ${COLUMNS} from (
      select * from (${BRANCHES[status]}) found where $1::uuid is null or found.id > $1 order by found.id limit $2) p
    join orders o on o.id = p.order_id order by p.id`,
})
const LISTS = { open: listOf('open'), refused: listOf('refused'), stuck: listOf('stuck') }

const FIND: Statement = {
  name: 'ops.payment',
  text: `select ${COLUMNS} from payment_operation p join orders o on o.id = p.order_id where p.id = $1`,
}

/** Refused operation $1 is done anew as $2, in its place in the order. */
const REPLACE: Statement = {
  name: 'ops.replace-payment',
  text: `
with old as materialized (
  update payment_operation set status = 'replaced', replaced_by = $2, finished_at = now() where id = $1 and status = 'refused' returning *)
insert into payment_operation (id, order_id, seq, kind, amount_minor, part_id, release)
select $2, order_id, seq, kind, amount_minor, part_id, $3 from old`,
}

/** Operation $1 is due now, by the same id: what may have happened of it happened under that. */
const HASTEN: Statement = {
  name: 'ops.hasten-payment',
  text: "update payment_operation set due_at = least(due_at, now()) where id = $1 and status in ('due', 'action_required')",
}

interface Row {
  id: string
  order_id: string
  kind: PaymentOperation['kind']
  amount_minor: number
  status: PaymentOperation['status']
  attempts: number
  last_error: string | null
  due_at: Date
  created_at: Date
  replaced_by: string | null
  age_s: number
  currency: string
  order_status: OrderStatus
}

/** An operation, and the one by which it was replaced. */
export interface Found {
  readonly operation: PaymentOperation
  readonly replacedBy: OperationId | undefined
}

/** Payment operations as operators find them. */
@Injectable()
export class StuckPaymentsRepository {
  constructor(
    private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** The oldest first, after the one that `after` names. */
  async list(status: StuckPaymentsQuery['status'], after: OperationId | undefined, limit: number): Promise<PaymentOperation[]> {
    return (await this.database.query<Row>(LISTS[status], [after && uuidOf(after), limit])).map(operationOf)
  }

  async find(id: OperationId, on: Queryable = this.database): Promise<Found | undefined> {
    const [row] = await on.query<Row>(FIND, [uuidOf(id)])
    return (
      row && { operation: operationOf(row), replacedBy: row.replaced_by === null ? undefined : idOf('paymentOperation', row.replaced_by) }
    )
  }

  /** Does a refused operation anew within a transaction that has its order's lock. @returns the new one's id */
  async replace(tx: Queryable, id: OperationId): Promise<OperationId> {
    const fresh = newId('paymentOperation')
    await tx.query(REPLACE, [uuidOf(id), uuidOf(fresh), this.config.release])
    return fresh
  }

  async hasten(tx: Queryable, id: OperationId): Promise<void> {
    await tx.query(HASTEN, [uuidOf(id)])
  }
}

const operationOf = (row: Row): PaymentOperation => ({
  id: idOf('paymentOperation', row.id),
  orderId: idOf('order', row.order_id) satisfies OrderId,
  orderStatus: row.order_status,
  kind: row.kind,
  status: row.status,
  amount: { amountMinor: row.amount_minor, currency: row.currency as Currency },
  attempts: row.attempts,
  lastError: row.last_error,
  dueAt: row.due_at.toISOString(),
  createdAt: row.created_at.toISOString(),
  ageSeconds: Math.max(0, row.age_s),
})
