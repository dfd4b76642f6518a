import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Controller } from '@nestjs/common'
import { EventPattern, Payload } from '@nestjs/microservices'
import type { DomainEvent } from '@catamaran/contracts'
import { currentContext, runInContext } from '@catamaran/platform'
import { until } from '@catamaran/testing'
import kafkajs from 'kafkajs'
import { z } from 'zod'
import { createKafka, messagingKeepEnv, type EventBatch } from '../src/index.js'
import { commit, countOf, makeSetting, orderPlaced, startConsumers, startRelay } from './setting.js'

const { scope, database, outbox } = await makeSetting('path', { partitions: 2 })
after(() => scope.close())

test('an event written with its change reaches every group, by type and in batches, with its trace', async () => {
  const single: { event: DomainEvent; trace: string | undefined }[] = []
  const batches: EventBatch[] = []

  @Controller()
  class Consumers {
    @EventPattern('orders.order.placed.v1', { group: 'aux.sales' })
    async onPlaced(@Payload() event: DomainEvent<'orders.order.placed.v1'>): Promise<void> {
      single.push({ event, trace: currentContext()?.traceparent })
      await Promise.resolve()
    }

    @EventPattern('orders', { group: 'aux.audit', batch: true })
    async onBatch(@Payload() batch: EventBatch): Promise<void> {
      batches.push(batch)
      await Promise.resolve()
    }
  }
  startRelay(scope, outbox)
  await startConsumers(scope, Consumers)

  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
  const placed = orderPlaced()
  await runInContext({ requestId: 'req_1', traceparent, fields: {} }, () => commit(outbox, placed))

  await until(() => single.length === 1 && batches.length === 1, { message: 'both groups have seen the event' })
  const event = single[0]?.event
  assert.deepEqual(
    { type: event?.type, source: event?.source, subject: event?.subject, sequence: event?.sequence, data: event?.data },
    { type: placed.type, source: '/core-service', subject: placed.subject, sequence: 1, data: placed.data },
  )
  assert.match(event?.id ?? '', /^evt_/)
  assert.equal(single[0]?.trace, traceparent)
  assert.deepEqual(batches[0], { ...batches[0], topic: 'orders', firstOffset: 0, lastOffset: 0, events: [{ offset: 0, event }] })
  await until(async () => (await countOf(database, 'outbox')) === 0, { message: 'the outbox is empty' })
})

test('the broker is told how long events are kept: half as long as an inbox remembers them', async () => {
  const admin = createKafka(scope.kafka, 'test').admin()
  await admin.connect()
  scope.onClose(() => admin.disconnect())
  const { resources } = await admin.describeConfigs({
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: `${scope.kafka.topicPrefix}orders`, configNames: ['retention.ms'] }],
    includeSynonyms: false,
  })
  const { INBOX_KEEP_MS } = z.object(messagingKeepEnv).parse({})
  assert.equal(Number(resources[0]?.configEntries[0]?.configValue) * 2, INBOX_KEEP_MS)
})
