import { EVENTS, isId, TOPICS, type EventType } from '@catamaran/contracts'
import { Dynamo } from '@catamaran/data'
import { createKafka } from '@catamaran/messaging'
import type { RunningSystem } from '@catamaran/stack'
import type { Admin } from 'kafkajs'
import pg from 'pg'
import { checkChains } from './chain.js'

/** Runs a read-only statement. */
export type Query = <Row extends object>(text: string, values?: readonly unknown[]) => Promise<Row[]>

/** One movement of money in the provider's own ledger. */
export interface Movement {
  readonly seq: number
  readonly paymentId: string
  /** The order's id, as core told it. */
  readonly reference: string
  readonly kind: 'authorise' | 'capture' | 'void' | 'expire' | 'refund'
  readonly amountMinor: number
  readonly currency: string
  /** The Idempotency-Key that caused it; null for what the provider did by itself. */
  readonly key: string | null
}

/** An event on the topic `orders`, in the order of its partition. */
export interface PublishedEvent {
  readonly id: string
  readonly type: string
  readonly subject: string
  readonly sequence: number
  /** RFC 3339. */
  readonly time: string
  readonly data: Record<string, unknown>
}

/** A webhook as it came to the sandbox's partner, in the order of arrival. */
export interface Arrival {
  readonly id: number
  readonly path: string
  readonly webhookId: string | null
  readonly isVerified: boolean
  /** The status it was answered with, or how it was treated instead. */
  readonly answer: string
}

/** How far a consumer group is behind on a topic, in messages. */
export interface Lag {
  readonly group: string
  readonly topic: string
  readonly behind: number
}

/** Everything the auditor looks at. Databases and the receiver are asked when a check runs; ledger and topic were read before. */
export interface Books {
  readonly core: Query
  readonly aux: Query
  readonly ledger: readonly Movement[]
  readonly events: readonly PublishedEvent[]
  /** Reads what has arrived by now: asked after the deliveries, so that what counts as delivered must be among it. */
  readonly received: () => Promise<readonly Arrival[]>
  readonly lags: readonly Lag[]
  /** What is wrong with the audit chains, a line each. */
  readonly chains: readonly string[]
}

/** What breaks an invariant, with the rows that do. */
export interface Finding {
  readonly invariant: 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8'
  readonly detail: string
}

export interface OpenBooks {
  readonly books: Books
  readonly close: () => Promise<void>
}

const DEADLINE_MS = 60_000

/** Opens the books of a running system: connects to its databases, reads its provider's ledger and the topic `orders` from its first message. */
export const openBooks = async (system: RunningSystem): Promise<OpenBooks> => {
  const clients = await Promise.all(
    ([system.engines.databases.core, system.engines.databases.aux] as const).map(async (connectionString) => {
      const client = new pg.Client({ connectionString, application_name: 'catamaran-audit' })
      await client.connect()
      return client
    }),
  )
  const [core, aux] = clients.map(
    (client): Query =>
      async <Row extends object>(text: string, values: readonly unknown[] = []) =>
        (await client.query(text, values as unknown[])).rows as Row[],
  ) as [Query, Query]
  const [ledger, { events, lags }, chains] = await Promise.all([ledgerOf(system), topicOf(system), chainsOf(system)])
  return {
    books: { core, aux, ledger, events, received: () => receivedOf(system), lags, chains },
    close: async () => {
      await Promise.all(clients.map((client) => client.end()))
    },
  }
}

const ledgerOf = async ({ serviceEnv }: RunningSystem): Promise<Movement[]> => {
  const { PSP_URL, PSP_API_KEY } = serviceEnv['core-service'] ?? {}
  const movements: Movement[] = []
  for (let hasMore = true; hasMore;) {
    const after = movements.at(-1)?.seq ?? 0
    const response = await fetch(`${PSP_URL}/control/ledger?after=${after}&limit=100`, {
      headers: { authorization: `Bearer ${PSP_API_KEY}` },
      signal: AbortSignal.timeout(DEADLINE_MS),
    })
    if (!response.ok) throw new Error(`The payment provider's ledger answered ${response.status}: ${await response.text()}`)
    const page = (await response.json()) as { data: Movement[]; hasMore: boolean }
    movements.push(...page.data)
    hasMore = page.hasMore
  }
  return movements
}

/** The chains are read after how far they must reach. */
const chainsOf = async ({ engines, serviceEnv }: RunningSystem): Promise<string[]> => {
  const { AWS_REGION = 'local', AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = serviceEnv['aux-service'] ?? {}
  Object.assign(process.env, { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY }) // the SDK's own way to credentials
  const admin = createKafka({ brokers: [...engines.kafkaBrokers], topicPrefix: '' }, 'catamaran-audit', undefined, { retries: 8 }).admin()
  const dynamo = new Dynamo({ endpoint: engines.dynamodbEndpoint, region: AWS_REGION })
  await admin.connect()
  try {
    const offsets = await admin.fetchOffsets({ groupId: 'aux.audit', topics: Object.keys(TOPICS) })
    const committed = offsets.flatMap(({ topic, partitions }) =>
      partitions.flatMap(({ partition, offset }) => (Number(offset) > 0 ? [[`${topic}#${partition}`, Number(offset)] as const] : [])),
    )
    return await checkChains(dynamo, new Map(committed))
  } finally {
    dynamo.onApplicationShutdown()
    await admin.disconnect()
  }
}

const PAGE = 500

const receivedOf = async ({ sandbox }: RunningSystem): Promise<Arrival[]> => {
  const all: Arrival[] = []
  for (;;) {
    const response = await fetch(`${sandbox.partner.url}/api/received?after=${all.at(-1)?.id ?? 0}&limit=${PAGE}`, {
      signal: AbortSignal.timeout(DEADLINE_MS),
    })
    if (!response.ok) throw new Error(`The partner's receiver answered ${response.status}: ${await response.text()}`)
    const page = (await response.json()) as Arrival[]
    all.push(...page.map(({ id, path, webhookId, isVerified, answer }) => ({ id, path, webhookId, isVerified, answer })))
    if (page.length < PAGE) return all
  }
}

const text = (value: Buffer | string | (Buffer | string)[] | undefined): string => String(Array.isArray(value) ? value[0] : (value ?? ''))

const topicOf = async ({ engines }: RunningSystem): Promise<Pick<Books, 'events' | 'lags'>> => {
  const kafka = createKafka({ brokers: [...engines.kafkaBrokers], topicPrefix: '' }, 'catamaran-audit', undefined, { retries: 8 })
  const admin = kafka.admin()
  const group = `audit.${process.pid}.${Date.now()}`
  const consumer = kafka.consumer({ groupId: group, sessionTimeout: 10_000, maxWaitTimeInMs: 100 })
  await admin.connect()
  try {
    const ends = await admin.fetchTopicOffsets('orders')
    const left = new Map(ends.map(({ partition, high, low }) => [partition, { at: Number(low), end: Number(high) }]))
    const events: PublishedEvent[] = []
    const done = Promise.withResolvers<void>()
    const look = (): void => {
      if ([...left.values()].every(({ at, end }) => at >= end)) done.resolve()
    }
    await consumer.connect()
    await consumer.subscribe({ topics: ['orders'], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        const place = left.get(batch.partition)
        for (const { offset, headers = {}, value } of batch.messages) {
          if (place === undefined || Number(offset) >= place.end) continue
          events.push({
            id: text(headers['ce_id']),
            type: text(headers['ce_type']),
            subject: text(headers['ce_subject']),
            sequence: Number(text(headers['ce_sequence'])),
            time: text(headers['ce_time']),
            data: JSON.parse(String(value)) as Record<string, unknown>,
          })
        }
        if (place !== undefined) place.at = Math.max(place.at, Number(batch.lastOffset()) + 1)
        look()
      },
    })
    look()
    const late = setTimeout(() => done.reject(new Error('The topic orders could not be read in time: is Kafka there?')), DEADLINE_MS)
    await done.promise.finally(() => clearTimeout(late))
    return { events, lags: await lagsOf(admin) }
  } finally {
    await consumer.disconnect().catch(() => undefined)
    await admin.deleteGroups([group]).catch(() => undefined)
    await admin.disconnect().catch(() => undefined)
  }
}

const lagsOf = async (admin: Admin): Promise<Lag[]> => {
  const { groups } = await admin.listGroups()
  const ours = groups.map(({ groupId }) => groupId).filter((id) => /^(aux|core|auth)\./.test(id))
  const ends = new Map<string, Map<number, number>>()
  for (const topic of Object.keys(TOPICS))
    ends.set(topic, new Map((await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, Number(high)])))
  const lags: Lag[] = []
  for (const group of ours)
    for (const { topic, partitions } of await admin.fetchOffsets({ groupId: group, topics: [...ends.keys()] })) {
      const known = partitions.filter(({ offset }) => Number(offset) >= 0)
      const behind = known.reduce(
        (sum, { partition, offset }) => sum + Math.max(0, (ends.get(topic)?.get(partition) ?? 0) - Number(offset)),
        0,
      )
      if (known.length > 0) lags.push({ group, topic, behind })
    }
  return lags
}

/** Whether a transition's event is one that the world is told of, and not only the buyer's stream. */
export const isPublished = (event: string): boolean => `orders.${event}.v1` in EVENTS
export const typeOf = (event: string): EventType => `orders.${event}.v1` as EventType
export const isOrderId = (id: string): boolean => isId('order', id)
