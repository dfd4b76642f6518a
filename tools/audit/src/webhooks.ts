import { idOf, uuidOf, WEBHOOK_TYPES, type Id, type PartnerId } from '@catamaran/contracts'
import type { Arrival, Books, Finding, PublishedEvent } from './books.js'

const ENDPOINTS = `select id, partner_id, url, events, created_at, updated_at from webhook_endpoint where status = 'enabled'`
const DELIVERIES = 'select endpoint_id, event_id, status, created_at from webhook_delivery'
const MISDIRECTED = `select d.id from webhook_delivery d join webhook_endpoint e on e.id = d.endpoint_id
  where d.body::json->'data'->>'orderId' is not null and not (d.event_id = any($1::uuid[])) and d.type <> 'webhook.test'`

interface EndpointRow {
  id: string
  partner_id: string
  url: string
  events: string[]
  created_at: Date
  updated_at: Date
}
interface DeliveryRow {
  endpoint_id: string
  event_id: string
  status: 'waiting' | 'delivered' | 'dead'
}

const isAccepted = ({ answer }: Arrival): boolean => /^2\d\d$/.test(answer)
const wants = (filters: readonly string[], type: string): boolean =>
  filters.some((filter) => filter === '*' || filter === type || (filter.endsWith('.*') && type.startsWith(filter.slice(0, -1))))

/** The events of the topic that partners are told of, with the name they are told by. */
const toldOf = (events: readonly PublishedEvent[]) => {
  const unique = new Map(events.map((event) => [event.id, event]))
  return [...unique.values()].flatMap((event) => {
    const type = (WEBHOOK_TYPES as Record<string, string>)[event.type]
    const partnerId = event.data['partnerId'] as string | null | undefined
    return type === undefined || partnerId == null ? [] : [{ event, type, partner: uuidOf(partnerId as PartnerId) }]
  })
}

/** At one receiver, per order: an event is tried only after those before it were accepted, or were given up. */
const outOfTurn = (
  arrivals: readonly Arrival[],
  versions: ReadonlyMap<string, PublishedEvent>,
  isDead: (webhookId: string) => boolean,
): string[] => {
  const faults: string[] = []
  const byOrder = Map.groupBy(
    arrivals.filter(({ webhookId }) => webhookId !== null && versions.has(webhookId)),
    ({ webhookId }) => versions.get(webhookId as string)?.subject,
  )
  for (const [order, all] of byOrder) {
    const accepted = new Set<string>()
    const ids = [...new Set(all.map(({ webhookId }) => webhookId as string))]
    const sequenceOf = (id: string): number => versions.get(id)?.sequence ?? 0
    for (const arrival of all) {
      const id = arrival.webhookId as string
      const earlier = ids.find((other) => sequenceOf(other) < sequenceOf(id) && !accepted.has(other) && !isDead(other))
      if (earlier !== undefined) faults.push(`${id} of ${order} was sent before ${earlier} was accepted`)
      if (isAccepted(arrival)) accepted.add(id)
    }
  }
  return faults
}

/** I6: each event that an endpoint wants was answered 2xx, waits, or is a dead letter; what counts as delivered has arrived, each order's events in turn. */
export const checkWebhooks = async ({ aux, events, received: readReceived }: Books): Promise<Finding[]> => {
  const found = (detail: string): Finding => ({ invariant: 'I6', detail })
  const endpoints = await aux<EndpointRow>(ENDPOINTS)
  const deliveries = new Map((await aux<DeliveryRow>(DELIVERIES)).map((row) => [`${row.endpoint_id} ${row.event_id}`, row]))
  const received = await readReceived()
  const told = toldOf(events)
  const byPath = Map.groupBy(received, ({ path }) => path)
  const versions = new Map(told.map(({ event }) => [event.id, event]))
  const strange = await aux<{ id: string }>(MISDIRECTED, [told.map(({ event }) => uuidOf(event.id as Id<'event'>))])
  const ofEndpoint = endpoints.flatMap((endpoint) => {
    const name = `endpoint ${idOf('webhookEndpoint', endpoint.id)}`
    const arrivals = byPath.get(new URL(endpoint.url).pathname) ?? []
    const accepted = new Set(arrivals.filter(isAccepted).map(({ webhookId }) => webhookId))
    const statusOf = (id: string) => deliveries.get(`${endpoint.id} ${uuidOf(id as Id<'event'>)}`)?.status
    const wanted = told.filter(
      ({ event, type, partner }) =>
        partner === endpoint.partner_id && wants(endpoint.events, type) && Date.parse(event.time) > endpoint.updated_at.getTime(),
    )
    return [
      ...wanted
        .filter(({ event }) => statusOf(event.id) === undefined)
        .map(({ event }) => `${name} was never told of ${event.id} (${event.type})`),
      ...wanted
        .filter(({ event }) => statusOf(event.id) === 'delivered' && arrivals.length > 0 && !accepted.has(event.id))
        .map(({ event }) => `${name}: ${event.id} counts as delivered, and its receiver never accepted it`),
      ...outOfTurn(arrivals, versions, (id) => statusOf(id) === 'dead').map((fault) => `${name}: ${fault}`),
    ]
  })
  const foreign = received
    .filter(({ webhookId }) => webhookId !== null && versions.has(webhookId))
    .filter(({ webhookId, path }) => {
      const owner = endpoints.find(({ url }) => new URL(url).pathname === path)?.partner_id
      return owner !== undefined && uuidOf(versions.get(webhookId as string)?.data['partnerId'] as PartnerId) !== owner
    })
  return [
    ...ofEndpoint.map(found),
    ...strange.map(({ id }) => found(`delivery ${idOf('webhookDelivery', id)} is about an event that was never published`)),
    ...foreign.map(({ webhookId, path }): Finding => ({
      invariant: 'I7',
      detail: `${webhookId} of one partner came to another's receiver (${path})`,
    })),
  ]
}

/** Deliveries that are not finished, and those that were given up. */
export const countDeliveries = async ({ aux }: Books): Promise<{ delivered: number; undelivered: number; dead: number }> => {
  const [row] = await aux<{ delivered: number; undelivered: number; dead: number }>(
    `select count(*) filter (where status = 'delivered')::int as delivered, count(*) filter (where status = 'waiting')::int as undelivered,
       count(*) filter (where status = 'dead')::int as dead from webhook_delivery`,
  )
  return row ?? { delivered: 0, undelivered: 0, dead: 0 }
}
