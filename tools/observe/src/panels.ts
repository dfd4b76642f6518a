import type { Objective } from './objectives.js'

/** What a panel shows. No query is empty while the system runs: what may not have happened yet is counted as 0. */
export interface Panel {
  readonly title: string
  readonly description: string
  /** Grafana's name of it. */
  readonly unit: 'percentunit' | 's' | 'reqps' | 'short' | 'bytes' | 'cps' | 'ops'
  /** Expressions by their legend. */
  readonly queries: Readonly<Record<string, string>>
  /** One number instead of lines. */
  readonly isStat?: boolean
  /** From which value on it is well. */
  readonly floor?: number
  /** Of 24 columns; half of them by default. */
  readonly span?: number
}

export const SERVICES = ['api-gateway', 'auth-service', 'core-service', 'aux-service'] as const
type Service = (typeof SERVICES)[number]

const RATE = '[$__rate_interval]'
const REQUESTS = 'http_server_request_duration_seconds'
const FAILED = 'http_response_status_code=~"5.."'

const quantile = (q: number, by: string, series: string): string =>
  `histogram_quantile(${q}, sum by (${['le', by].filter((label) => label !== '').join(', ')}) (rate(${series}${RATE})))`
/** A share that is 0 and not nothing while nothing counts for it. */
const share = (part: string, whole: string): string => `(${part} or 0 * ${whole}) / ${whole}`
const rateOf = (series: string, by: string): string => `sum by (${by}) (rate(${series}${RATE}))`

const objectivePanels = (objectives: readonly Objective[]): Panel[] => [
  ...objectives.map(({ name, title, target, description }): Panel => ({
    title,
    description: `${description}; ${target * 100} % in 30 days. What is left of the errors that this allows: below 0 nothing risky is released. Runbook: docs/runbooks/${name}.md`,
    ...{ unit: 'percentunit', isStat: true, floor: 0.1, span: 4 },
    queries: { left: `slo:period_error_budget_remaining:ratio{sloth_slo="${name}"}` },
  })),
  {
    title: 'Alerts',
    description: 'How many fire now; Alertmanager says which',
    ...{ unit: 'short', isStat: true, span: 4 },
    queries: { firing: 'count(ALERTS{alertstate="firing"}) or vector(0)' },
  },
  {
    title: 'How fast the budgets burn',
    description: '1 uses the budget up in exactly 30 days; a page comes at 14.4 over an hour, or at 6 over six hours',
    ...{ unit: 'short', span: 24 },
    queries: { '{{sloth_slo}}': 'slo:current_burn_rate:ratio' },
  },
]

export const overviewPanels = (objectives: readonly Objective[]): Panel[] => [
  ...objectivePanels(objectives),
  {
    title: 'Requests',
    description: 'Per second, by service',
    unit: 'reqps',
    queries: { '{{service}}': rateOf(`${REQUESTS}_count`, 'service') },
  },
  {
    title: 'Failed',
    description: 'Share of requests answered with a 5xx',
    unit: 'percentunit',
    queries: { '{{service}}': share(rateOf(`${REQUESTS}_count{${FAILED}}`, 'service'), rateOf(`${REQUESTS}_count`, 'service')) },
  },
  {
    title: 'Slowest 1 %',
    description: 'Of all requests, by service; streams of events are long by nature',
    unit: 's',
    queries: { '{{service}}': quantile(0.99, 'service', `${REQUESTS}_bucket`) },
  },
  {
    title: 'Answering',
    description: 'Which processes answer their scrapes',
    unit: 'short',
    queries: { '{{service}} {{instance}}': 'up{job="catamaran"}' },
  },
]

const redPanels = (service: Service): Panel[] => {
  const requests = (of = '', more = '') => `${REQUESTS}_${of}{service="${service}"${more}}`
  const byRoute = 'http_request_method, http_route'
  const legend = '{{http_request_method}} {{http_route}}'
  return [
    { title: 'Requests', description: 'Per second, by route', unit: 'reqps', queries: { [legend]: rateOf(requests('count'), byRoute) } },
    {
      title: 'Failed',
      description: 'Share of each route answered with a 5xx',
      unit: 'percentunit',
      queries: { [legend]: share(rateOf(requests('count', `, ${FAILED}`), byRoute), rateOf(requests('count'), byRoute)) },
    },
    {
      title: 'Duration',
      description: 'Median and slowest 1 % of all',
      unit: 's',
      queries: { p50: quantile(0.5, '', requests('bucket')), p99: quantile(0.99, '', requests('bucket')) },
    },
    {
      title: 'Answers',
      description: 'Per second, by status',
      unit: 'reqps',
      queries: { '{{http_response_status_code}}': rateOf(requests('count'), 'http_response_status_code') },
    },
  ]
}

const processPanels = (of: string): Panel[] => [
  {
    title: 'Event loop',
    description: 'How late it comes: its slowest 1 %, by process. Late for all means that something computes for long',
    unit: 's',
    queries: {
      'p50 {{instance}}': `nodejs_eventloop_delay_p50_seconds${of}`,
      'p99 {{instance}}': `nodejs_eventloop_delay_p99_seconds${of}`,
    },
  },
  {
    title: 'Busy',
    description: 'Share of time that the event loop works, and processors used',
    unit: 'percentunit',
    queries: {
      'loop {{instance}}': `nodejs_eventloop_utilization_ratio${of}`,
      'processors {{instance}}': `sum by (instance) (rate(process_cpu_time_seconds_total${of}${RATE}))`,
    },
  },
  { title: 'Memory', description: 'Resident, by process', unit: 'bytes', queries: { '{{instance}}': `process_memory_usage_bytes${of}` } },
]

/** What a service has besides requests and a process. */
const ownPanels = (service: Service, of: string): Panel[] =>
  service === 'api-gateway'
    ? [
        {
          title: 'Revocations',
          description: 'Since auth-service last told which tokens and keys ended; alert RevocationsStale',
          unit: 's',
          queries: { '{{instance}}': `auth_revocations_age_seconds${of}` },
        },
      ]
    : [
        {
          title: 'Database pool',
          description: 'Connections by state, the most there may be, and who waits for one; alert DatabasePoolExhausted',
          unit: 'short',
          queries: {
            '{{pool}}: {{state}}': `sum by (pool, state) (db_client_connection_count${of})`,
            '{{pool}}: most': `sum by (pool) (db_client_connection_max${of})`,
            '{{pool}}: waiting': `sum by (pool) (db_client_connection_pending_requests${of})`,
          },
        },
      ]

export const servicePanels = (service: Service): Panel[] => {
  const of = `{service="${service}"}`
  return [
    ...redPanels(service),
    ...processPanels(of),
    ...ownPanels(service, of),
    {
      title: 'Taken for away',
      description: '1 while a peer is not tried because it was away',
      unit: 'short',
      queries: { '{{peer}} {{instance}}': `circuit_breaker_state${of}` },
    },
  ]
}

export const eventPanels: readonly Panel[] = [
  {
    title: 'Oldest event',
    description: 'How long it waits to be published, by service; alert OutboxWaits',
    unit: 's',
    queries: { '{{service}}': 'max by (service) (outbox_age_seconds)' },
  },
  {
    title: 'Waiting to be published',
    description: 'Events in each outbox, counted up to 10,000',
    unit: 'short',
    queries: { '{{service}}': 'sum by (service) (outbox_depth)' },
  },
  {
    title: 'Published',
    description: 'Events per second, and those set aside in the last hour (alert EventsSetAside)',
    unit: 'cps',
    queries: {
      '{{service}}': rateOf('outbox_published_total', 'service'),
      'set aside {{service}}': 'sum by (service) (increase(outbox_dead_total[1h]))',
    },
  },
  {
    title: 'Behind',
    description: 'Messages that each group has not handled yet',
    unit: 'short',
    queries: { '{{group}}': 'sum by (group) (messaging_lag)' },
  },
  {
    title: 'Held up',
    description: 'Since when what a group needs is away; alert ConsumerHeld',
    unit: 's',
    queries: { '{{group}}': 'max by (group) (messaging_held_seconds) or 0 * max by (group) (messaging_lag)' },
  },
  {
    title: 'Handled',
    description: 'Messages per second, by what became of them; dead ones are alert DeadLetters',
    unit: 'cps',
    queries: { '{{outcome}}': rateOf('messaging_consumed_total', 'outcome') },
  },
  {
    title: 'Time to handle',
    description: 'Slowest 1 % of messages or batches, by group',
    unit: 's',
    queries: { '{{group}}': quantile(0.99, 'group', 'messaging_process_duration_seconds_bucket') },
  },
  {
    title: 'Webhook delay',
    description: 'From an event to the first 2xx of an endpoint that wants it',
    unit: 's',
    queries: { p50: quantile(0.5, '', 'webhooks_delay_seconds_bucket'), p95: quantile(0.95, '', 'webhooks_delay_seconds_bucket') },
  },
  {
    title: 'Webhook attempts',
    description: 'Per second, by what came of them',
    unit: 'ops',
    queries: { '{{outcome}}': rateOf('webhooks_attempt_duration_seconds_count', 'outcome') },
  },
  {
    title: 'Webhook endpoints left in peace',
    description: 'Not tried for up to five minutes, because they failed five times in a row or more',
    unit: 'short',
    queries: { endpoints: 'max(webhooks_endpoints_paused)' },
  },
]

export const businessPanels: readonly Panel[] = [
  {
    title: 'Orders',
    description: 'Placed, paid for in time, and cancelled, in the last hour',
    unit: 'short',
    queries: {
      placed: 'sum(increase(orders_placed_total[1h]))',
      confirmed: 'sum(increase(orders_confirmed_total[1h]))',
      cancelled: 'sum(increase(orders_cancelled_total[1h]))',
    },
  },
  {
    title: 'Cancelled',
    description: 'Orders per hour, by reason',
    unit: 'short',
    queries: { '{{reason}}': 'sum by (reason) (increase(orders_cancelled_total[1h]))' },
  },
  {
    title: 'Out of stock',
    description: 'Order lines refused in the last hour because there was too little',
    unit: 'short',
    queries: { lines: 'sum(increase(orders_out_of_stock_total[1h]))' },
  },
  {
    title: 'Payments',
    description: 'Operations at the provider per hour, by kind and outcome; declined is the bank’s no',
    unit: 'short',
    queries: { '{{kind}} {{outcome}}': 'sum by (kind, outcome) (increase(payments_operations_total[1h]))' },
  },
  {
    title: 'Trouble with the provider',
    description: 'Calls without success per hour; refused ones are alert PaymentRefused',
    unit: 'short',
    queries: { '{{kind}} {{outcome}}': 'sum by (kind, outcome) (increase(payments_trouble_total[1h]))' },
  },
  {
    title: 'Sign-ins',
    description: 'Per hour, by method and outcome; refused is the person’s own, failed is ours',
    unit: 'short',
    queries: { '{{method}} {{outcome}}': 'sum by (method, outcome) (increase(signins_total[1h]))' },
  },
]
