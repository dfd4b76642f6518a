import { CancelReason } from '@catamaran/contracts'

/** A metric as it is declared. Names, units and labels follow the OpenTelemetry semantic conventions where these have the thing. */
export interface MetricSpec {
  readonly kind: 'counter' | 'gauge' | 'histogram'
  /** UCUM: `s`, `By`, `1` for a share. What is counted has none. */
  readonly unit?: 's' | 'By' | '1'
  readonly description: string
  /** The values a label may take, or `open` where these are known only at run time: routes, groups, partitions. Never ids. */
  readonly labels: Readonly<Record<string, readonly string[] | 'open'>>
  /** Series that one process may have of it at most, the buckets of a histogram counted as one. A test holds a running system to it. */
  readonly series: number
  /** Upper bounds of a histogram. */
  readonly buckets?: readonly number[]
}

const FAST = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]
const OUTCOME = ['done', 'retried', 'waiting', 'dead', 'skipped'] as const
const PAYMENT = ['authorise', 'capture', 'void', 'refund'] as const
const PER_GROUP = 60
const PER_PARTITION = 120
/** A service's own pool, and the one that core-service's searches have for themselves. */
const POOLS = ['main', 'search'] as const

/**
 * Every metric there is; code gets its instruments from here (`counter`, `histogram`, `observe`), so one that isn't declared does not compile, nor a label
 * that it doesn't have. Counters whose labels are all listed stand at 0 from the start.
 */
export const METRICS = {
  'http.server.request.duration': {
    ...{ kind: 'histogram', unit: 's', series: 600 },
    description: 'Duration of HTTP server requests',
    labels: { 'http.request.method': 'open', 'http.route': 'open', 'http.response.status_code': 'open' },
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  },
  'db.client.connection.count': {
    ...{ kind: 'gauge', series: 4 },
    description: 'Connections of a PostgreSQL pool, by state',
    labels: { pool: POOLS, state: ['used', 'idle'] },
  },
  'db.client.connection.max': {
    ...{ kind: 'gauge', series: 2 },
    description: 'Connections that a pool may have at most',
    labels: { pool: POOLS },
  },
  'db.client.connection.pending_requests': {
    ...{ kind: 'gauge', series: 2 },
    description: 'Callers that wait for a connection',
    labels: { pool: POOLS },
  },
  'nodejs.eventloop.delay.p50': {
    ...{ kind: 'gauge', unit: 's', series: 1 },
    description: 'How late the event loop came, median since the last scrape',
    labels: {},
  },
  'nodejs.eventloop.delay.p99': {
    ...{ kind: 'gauge', unit: 's', series: 1 },
    description: 'How late the event loop came, 99th percentile since the last scrape',
    labels: {},
  },
  'nodejs.eventloop.utilization': {
    ...{ kind: 'gauge', unit: '1', series: 1 },
    description: 'Share of its time that the event loop was busy since the last scrape',
    labels: {},
  },
  'process.memory.usage': { kind: 'gauge', unit: 'By', series: 1, description: 'Resident memory', labels: {} },
  'process.cpu.time': {
    ...{ kind: 'counter', unit: 's', series: 2 },
    description: 'Processor time',
    labels: { 'cpu.mode': ['user', 'system'] },
  },
  'circuit_breaker.state': {
    ...{ kind: 'gauge', series: 4 },
    description: '1 while calls to a peer are not tried because it was away, else 0',
    labels: { peer: ['redis', 'kafka'] },
  },
  'messaging.consumed': {
    ...{ kind: 'counter', series: PER_GROUP },
    description: 'Messages by group and outcome',
    labels: { group: 'open', outcome: OUTCOME },
  },
  'messaging.process.duration': {
    ...{ kind: 'histogram', unit: 's', series: PER_GROUP },
    description: 'Duration of handling one message or batch',
    labels: { group: 'open' },
    buckets: FAST,
  },
  'messaging.lag': {
    ...{ kind: 'gauge', series: PER_PARTITION },
    description: 'Messages not yet handled, per partition',
    labels: { group: 'open', topic: 'open', partition: 'open' },
  },
  'messaging.held': {
    ...{ kind: 'gauge', unit: 's', series: PER_PARTITION },
    description: 'How long a partition has been held up',
    labels: { group: 'open', topic: 'open', partition: 'open' },
  },
  'outbox.age': { kind: 'gauge', unit: 's', series: 1, description: 'Age of the oldest event not yet published', labels: {} },
  'outbox.depth': {
    ...{ kind: 'gauge', series: 1 },
    description: 'Events not yet published, counted up to 10,000',
    labels: {},
  },
  'outbox.published': { kind: 'counter', series: 1, description: 'Events acknowledged by Kafka', labels: {} },
  'outbox.dead': {
    ...{ kind: 'counter', series: 1 },
    description: 'Events set aside in outbox_dead because they can never be published',
    labels: {},
  },
  'outbox.batch.size': {
    ...{ kind: 'histogram', series: 1 },
    description: 'Events in one send',
    labels: {},
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
  },
  'orders.placed': { kind: 'counter', series: 1, description: 'Orders placed', labels: {} },
  'orders.confirmed': { kind: 'counter', series: 1, description: 'Orders paid for in time', labels: {} },
  'orders.cancelled': {
    ...{ kind: 'counter', series: 4 },
    description: 'Orders cancelled, by reason',
    labels: { reason: CancelReason.options },
  },
  'orders.out_of_stock': { kind: 'counter', series: 1, description: 'Order lines refused for lack of stock', labels: {} },
  'orders.placing.group_size': {
    ...{ kind: 'histogram', series: 1 },
    description: 'Orders placed by one statement',
    labels: {},
    buckets: [1, 2, 4, 8, 16, 32, 64, 128],
  },
  'orders.placing.wait': {
    ...{ kind: 'histogram', unit: 's', series: 1 },
    description: 'Time a draft waits for its statement',
    labels: {},
    buckets: FAST,
  },
  'payments.operations': {
    ...{ kind: 'counter', series: 12 },
    description: 'Payment operations that came to their end, by what it was',
    labels: { kind: PAYMENT, outcome: ['succeeded', 'declined', 'failed'] },
  },
  'payments.trouble': {
    ...{ kind: 'counter', series: 8 },
    description: 'Calls to the payment provider without success',
    labels: { kind: PAYMENT, outcome: ['unknown', 'refused'] },
  },
  'webhooks.delay': {
    ...{ kind: 'histogram', unit: 's', series: 1 },
    description: 'From an event to the first 2xx of an endpoint that wants it',
    labels: {},
    buckets: [0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120, 600, 3_600, 21_600],
  },
  'webhooks.attempt.duration': {
    ...{ kind: 'histogram', unit: 's', series: 10 },
    description: 'Attempts to deliver a webhook, by what came of them',
    labels: { outcome: 'open' },
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15],
  },
  'webhooks.endpoints.disabled': {
    ...{ kind: 'counter', series: 2 },
    description: 'Endpoints switched off by us',
    labels: { reason: ['failing', 'gone'] },
  },
  'webhooks.endpoints.paused': {
    ...{ kind: 'gauge', series: 1 },
    description: 'Endpoints that are not tried for a while because they failed several times in a row; every process tells of all',
    labels: {},
  },
  signins: {
    ...{ kind: 'counter', series: 9 },
    description: 'Sign-ins of people: refused is theirs, failed is ours',
    labels: { method: ['password', 'code', 'passkey'], outcome: ['succeeded', 'refused', 'failed'] },
  },
  'auth.revocations.age': {
    ...{ kind: 'gauge', unit: 's', series: 1 },
    description: 'Since auth-service last told which credentials ended',
    labels: {},
  },
} as const satisfies Record<string, MetricSpec>

type Metrics = typeof METRICS
export type MetricName = keyof Metrics
/** The metrics of some kinds. */
export type NameOf<K extends MetricSpec['kind']> = { [N in MetricName]: Metrics[N]['kind'] extends K ? N : never }[MetricName]
/** The labels of a metric, with the values these may have. */
export type LabelsOf<N extends MetricName> = {
  readonly [L in keyof Metrics[N]['labels']]: Metrics[N]['labels'][L] extends readonly (infer V)[] ? V : string | number
}
