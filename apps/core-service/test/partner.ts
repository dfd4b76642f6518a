import { newId, uuidOf, type PartnerId } from '@catamaran/contracts'
import { createTopics, Outbox } from '@catamaran/messaging'
import { until } from '@catamaran/testing'
import { freshKey, type Answer, type Harness } from './harness.js'

export const LAMP = { name: 'Oak lamp', description: 'A lamp of oak.', category: 'lighting', priceMinor: 4900, currency: 'EUR' }

export type PartnerStatus = 'active' | 'suspended' | 'closed'

/** Tells core-service of a partner as auth-service does. */
export const tellOf = async (harness: Harness, partnerId: PartnerId, version: number, status: PartnerStatus, name = 'Sailcloth & Sons') => {
  const data = { partnerId, name, status }
  await new Outbox(harness.database).insert(harness.database, [
    { type: 'identity.partner.changed.v1', subject: partnerId, sequence: version, data },
  ])
}

/** What partners need of Kafka. Before the first app starts. */
export const prepareTopics = (harness: Harness): Promise<unknown> =>
  createTopics(harness.scope.kafka, { topics: ['orders', 'catalogue', 'identity', 'erasure'], partitions: 1 })

export interface TestPartner {
  readonly id: PartnerId
  readonly token: string
  readonly call: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>
  /** Puts a product up for sale and answers it. */
  readonly sell: (product?: object) => Promise<Answer['body']>
}

/** An active partner that core-service has heard of, and calls with its own token. */
export const newPartner = async (harness: Harness, url: string): Promise<TestPartner> => {
  const id = newId('partner')
  await tellOf(harness, id, 1, 'active')
  const known = { name: '', text: 'select from partner where id = $1' }
  await until(async () => (await harness.database.query(known, [uuidOf(id)])).length === 1, { message: 'the partner is known' })
  const token = await harness.issuer.token({ sub: id as never, scopes: ['catalogue', 'orders'] })
  const call: TestPartner['call'] = (method, path, body, headers = {}) =>
    harness.call(url, method, `/v1/partner${path}`, body, { authorization: `Bearer ${token}`, ...headers })
  return {
    ...{ id, token, call },
    sell: async (product = {}) => {
      const answer = await call('POST', '/products', { ...LAMP, ...product }, freshKey())
      if (answer.status !== 201) throw new Error(`making a product answered ${JSON.stringify(answer.body)}`)
      return answer.body
    },
  }
}
