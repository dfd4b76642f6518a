import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { newId, uuidOf, type PartnerId } from '@catamaran/contracts'
import { Database } from '@catamaran/data'
import { createTopics, Outbox } from '@catamaran/messaging'
import { readConfig, type Service } from '@catamaran/platform'
import { until } from '@catamaran/testing'
import { createApp } from '../src/app.js'
import { schema } from '../src/config.js'
import { WebhooksService } from '../src/webhooks/webhooks.service.js'
import { newEmail } from './journey.js'
import { prepareAuth, type Surroundings } from './system.js'

describe('a webhook endpoint that was switched off', () => {
  let system: Surroundings
  let service: Service
  before(async () => {
    system = await prepareAuth('auth_webhooks')
    const { brokers, topicPrefix } = system.scope.kafka
    await createTopics(system.scope.kafka, { topics: ['identity', 'erasure', 'webhooks'], partitions: 1 })
    const kafka = { KAFKA_BROKERS: brokers.join(','), KAFKA_TOPIC_PREFIX: topicPrefix }
    service = await createApp(readConfig(schema, { ...system.environment, ...kafka }))
    await service.listen()
  })
  after(async () => {
    await service?.close()
    await system?.close()
  })

  /** A partner with a member of each role, by their addresses. */
  const partner = async (): Promise<{ id: PartnerId; owner: string; developer: string }> => {
    const id = newId('partner')
    const [owner, developer] = [newEmail(), newEmail()]
    await system.database.query(`insert into partner (id, name, status) values ($1, 'A partner', 'active')`, [uuidOf(id)])
    for (const [email, role] of [
      [owner, 'owner'],
      [developer, 'developer'],
    ]) {
      const user = uuidOf(newId('user'))
      await system.database.query(`insert into user_account (id, email, password_hash) values ($1, $2, 'nobody signs in with it')`, [
        user,
        email,
      ])
      await system.database.query('insert into partner_member (partner_id, user_id, role) values ($1, $2, $3)', [uuidOf(id), user, role])
    }
    return { id, owner, developer }
  }

  it('is told to the partner’s owners by mail, once for each event, and to nobody else', async () => {
    const { id, owner, developer } = await partner()
    const endpointId = newId('webhookEndpoint')
    const outbox = service.app.get(Outbox)
    await outbox.insert(service.app.get(Database), [
      { type: 'webhooks.endpoint.disabled.v1', subject: endpointId, sequence: 2, data: { endpointId, partnerId: id, reason: 'failing' } },
    ])
    outbox.wake()
    const mail = await system.mailbox.next(owner)
    assert.match(mail.text, new RegExp(`${endpointId}[^]*nothing sent to it was answered with success[^]*${endpointId}/redeliver`))

    const data = { endpointId, partnerId: id, reason: 'gone' as const }
    const event = {
      id: newId('event'),
      type: 'webhooks.endpoint.disabled.v1' as const,
      source: '/aux-service',
      subject: endpointId,
      sequence: 4,
    }
    const again = { ...event, time: new Date().toISOString(), data }
    await Promise.all([1, 2].map(() => service.app.get(WebhooksService).tellOwners(again)))
    await system.mailbox.next(owner, 2)
    await until(async () => (await system.database.query('select from mail where outcome is null')).rows.length === 0, {
      message: 'no mail waits',
    })
    const texts = system.mailbox.to(owner).map(({ text }) => text)
    assert.deepEqual([texts.length, texts.filter((text) => text.includes('410 Gone')).length], [2, 1])
    assert.deepEqual(system.mailbox.to(developer), [])
  })
})
