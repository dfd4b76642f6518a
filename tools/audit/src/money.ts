import { idOf, uuidOf, type OrderId } from '@catamaran/contracts'
import { isOrderId, type Books, type Finding, type Movement } from './books.js'

const ORDERS = `
with part as (
  select order_id, sum(items_minor + shipping_minor) filter (where status = 'shipped') as shipped,
    sum(items_minor + shipping_minor) filter (where status = 'open') as open from fulfilment group by order_id),
back as (select order_id, sum(refund_minor) as returned from order_return where status = 'accepted' group by order_id),
operation as (
  select order_id, count(*) filter (where finished_at is null)::int as waiting, count(*) filter (where status = 'refused')::int as stuck,
    count(*) filter (where kind = 'authorise' and status = 'succeeded')::int as authorised,
    count(*) filter (where status = 'replaced')::int as replaced from payment_operation group by order_id)
select o.id, o.status, o.currency, o.total_minor::bigint as total, coalesce(p.shipped, 0)::bigint as shipped, coalesce(p.open, 0)::bigint as open,
  coalesce(b.returned, 0)::bigint as returned, coalesce(x.waiting, 0) as waiting, coalesce(x.stuck, 0) as stuck, coalesce(x.authorised, 0) as authorised,
  coalesce(x.replaced, 0) as replaced
from orders o left join part p on p.order_id = o.id left join back b on b.order_id = o.id left join operation x on x.order_id = o.id`

interface OrderRow {
  id: string
  status: string
  currency: string
  total: string
  shipped: string
  open: string
  returned: string
  waiting: number
  stuck: number
  authorised: number
  replaced: number
}

/** What the ledger says of one order. */
interface Account {
  authorise: number
  capture: number
  void: number
  expire: number
  refund: number
  payments: number
  currencies: Set<string>
}

const accountsOf = (ledger: readonly Movement[]): Map<string, Account> => {
  const accounts = new Map<string, Account>()
  for (const { reference, kind, amountMinor, currency } of ledger) {
    const account = accounts.get(reference) ?? {
      authorise: 0,
      capture: 0,
      void: 0,
      expire: 0,
      refund: 0,
      payments: 0,
      currencies: new Set<string>(),
    }
    account[kind] += amountMinor
    if (kind === 'authorise') account.payments++
    account.currencies.add(currency)
    accounts.set(reference, account)
  }
  return accounts
}

const NOTHING: Account = { authorise: 0, capture: 0, void: 0, expire: 0, refund: 0, payments: 0, currencies: new Set() }

/** What is wrong with the money of one order; operations that still wait may explain what is missing, never what is too much. */
const faultsOf = (row: OrderRow, account: Account): string[] => {
  const [shipped, returned, parts] = [Number(row.shipped), Number(row.returned), Number(row.open)]
  const open = account.authorise - account.capture - account.void - account.expire
  const rules: [boolean, string][] = [
    [open < 0, `more left its authorisations than was authorised (${-open})`],
    [account.capture > shipped, `${account.capture} were captured, but only ${shipped} shipped`],
    [account.refund > returned, `${account.refund} were refunded, but only ${returned} returned`],
    [account.payments > 1 + row.replaced, `it was authorised ${account.payments} times`],
    [[...account.currencies].some((currency) => currency !== row.currency), 'money moved in another currency'],
  ]
  const settled: [boolean, string][] = [
    [account.capture !== shipped, `${shipped} were shipped, but ${account.capture} captured`],
    [account.refund !== returned, `${returned} were returned, but ${account.refund} refunded`],
    [['completed', 'shipped'].includes(row.status) && open !== 0, `it is ${row.status}, and ${open} are still reserved`],
    [
      row.status === 'cancelled' && (open !== 0 || account.capture !== 0),
      `it is cancelled, and ${open} are reserved, ${account.capture} captured`,
    ],
    [
      ['confirmed', 'partially_shipped'].includes(row.status) && open !== parts && account.expire === 0,
      `${parts} are to be shipped, but ${open} are reserved`,
    ],
  ]
  return [...rules, ...(row.waiting === 0 ? settled : [])].filter(([isFault]) => isFault).map(([, told]) => told)
}

/** I3: at the provider, per order, money adds up to what was shipped and returned, and it moved once. */
export const checkMoney = async ({ core, ledger }: Books): Promise<Finding[]> => {
  const found = (detail: string): Finding => ({ invariant: 'I3', detail })
  const accounts = accountsOf(ledger)
  const rows = await core<OrderRow>(ORDERS)
  const known = new Set(rows.map(({ id }) => id))
  // What was given back for an order that a restore has lost is held no more.
  const holds = ({ authorise, capture, void: voided, expire, refund }: Account): boolean =>
    authorise !== capture + voided + expire || capture !== refund
  const strange = [...accounts]
    .filter(([reference, account]) => holds(account) && (!isOrderId(reference) || !known.has(uuidOf(reference as OrderId))))
    .map(([reference]) => reference)
  const keys = Map.groupBy(
    ledger.filter(({ key }) => key !== null),
    ({ key }) => key,
  )
  const twice = [...keys.values()].filter((movements) => movements.length > 1)
  return [
    ...rows.flatMap((row) => {
      const id = idOf('order', row.id)
      return faultsOf(row, accounts.get(id) ?? NOTHING).map((told) => found(`order ${id}: ${told}`))
    }),
    ...strange.map((reference) => found(`the provider holds money for ${reference}, an order that is not there`)),
    ...twice.map((movements) => found(`operation ${movements[0]?.key} moved money ${movements.length} times`)),
  ]
}

/** Payment operations that are not finished: of orders that are still being paid, or that nobody has gone on with. */
export const countWaiting = async ({ core }: Books): Promise<{ waiting: number; stuck: number }> => {
  const [row] = await core<{ waiting: number; stuck: number }>(
    "select count(*)::int as waiting, count(*) filter (where status = 'refused')::int as stuck from payment_operation where finished_at is null",
  )
  return row ?? { waiting: 0, stuck: 0 }
}
