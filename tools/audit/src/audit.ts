import { countRepeats, checkEvents } from './events.js'
import type { Books, Finding } from './books.js'
import { checkKeys, type KeyRecord } from './keys.js'
import { checkMoney, countWaiting } from './money.js'
import { checkOrders } from './orders.js'
import { checkSales } from './sales.js'
import { checkStock } from './stock.js'
import { checkWebhooks, countDeliveries } from './webhooks.js'

/** What the auditor looked at, and what it found. */
export interface Report {
  readonly findings: readonly Finding[]
  readonly orders: number
  readonly events: number
  /** Messages that came again; consumers have to absorb them. */
  readonly repeats: number
  readonly movements: number
  /** Payment operations whose outcome is not known yet, and those that an operator has to look at. */
  readonly waiting: number
  readonly stuck: number
  /** Webhooks that were accepted, that wait, and that were given up. */
  readonly delivered: number
  readonly undelivered: number
  readonly dead: number
  /** Messages that consumers have not handled yet. */
  readonly behind: number
}

export const INVARIANTS = {
  I1: 'stock is conserved and never negative',
  I2: 'totals are the sums of lines as placed',
  I3: 'money at the provider is what was shipped and returned',
  I4: 'one Idempotency-Key has one outcome',
  I5: 'every committed event is published once and in order',
  I6: 'every webhook was accepted, waits in turn or is a dead letter',
  I7: 'nobody is told what is another’s',
  I8: 'the audit chains verify from their first link',
} as const

/** Checks the invariants of design section 6 against the books. @param told what clients saw, for I4 */
export const audit = async (books: Books, told: readonly KeyRecord[] = []): Promise<Report> => {
  const findings = [
    ...(await checkStock(books)),
    ...(await checkOrders(books)),
    ...(await checkMoney(books)),
    ...(await checkKeys(books, told)),
    ...(await checkEvents(books)),
    ...(await checkSales(books)),
    ...(await checkWebhooks(books)),
    ...books.chains.map((detail): Finding => ({ invariant: 'I8', detail })),
  ]
  const [count] = await books.core<{ orders: number }>('select count(*)::int as orders from orders')
  return {
    findings,
    orders: count?.orders ?? 0,
    events: books.events.length,
    repeats: countRepeats(books.events),
    movements: books.ledger.length,
    ...(await countWaiting(books)),
    ...(await countDeliveries(books)),
    behind: books.lags.reduce((sum, { behind }) => sum + behind, 0),
  }
}

const MAX_SHOWN = 20

/** The report for people: a line for each invariant, and below it what breaks it. */
export const told = ({ findings, ...counts }: Report): string => {
  const byInvariant = Map.groupBy(findings, ({ invariant }) => invariant)
  const lines = Object.entries(INVARIANTS).flatMap(([name, meaning]) => {
    const broken = byInvariant.get(name as Finding['invariant']) ?? []
    const rest = broken.length > MAX_SHOWN ? [`         and ${broken.length - MAX_SHOWN} more`] : []
    return [
      `  ${name}  ${broken.length === 0 ? 'holds ' : 'BROKEN'}  ${meaning}`,
      ...broken.slice(0, MAX_SHOWN).map(({ detail }) => `         ${detail}`),
      ...rest,
    ]
  })
  const { orders, events, repeats, movements, waiting, stuck, delivered, undelivered, dead, behind } = counts
  return [
    `${orders} orders, ${events} events (${repeats} repeated), ${movements} movements of money; ${waiting} payment operations wait, ${stuck} are stuck;`,
    `${delivered} webhooks accepted, ${undelivered} wait, ${dead} given up; ${behind} messages not handled yet`,
    ...lines,
  ].join('\n')
}
