import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Controller, Get, Module } from '@nestjs/common'
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices'
import { DEAD_LETTERS, type DomainEvent } from '@catamaran/contracts'
import { Anonymous, AppError, createService, readConfig, serviceConfig, serviceEnv } from '@catamaran/platform'
import { serviceEnvFor, TestIssuer, until } from '@catamaran/testing'
import { z } from 'zod'
import { KafkaStrategy } from '../src/index.js'
import { commit, logger, makeSetting, orderPlaced, startConsumers, startRelay } from './setting.js'

const { scope, outbox } = await makeSetting('service', { partitions: 1 })
const issuer = await TestIssuer.start()
scope.onClose(() => issuer.close())
after(() => scope.close())

test('in a service with HTTP beside it a handler sees each message once, and its errors unchanged', async () => {
  const seen: string[] = []

  @Controller('v1/things')
  class Things {
    @Get()
    @Anonymous()
    list(): string[] {
      return ['a thing']
    }

    @EventPattern('orders.order.placed.v1', { group: 'service' })
    async onPlaced(@Payload() event: DomainEvent<'orders.order.placed.v1'>): Promise<void> {
      await Promise.resolve()
      seen.push(event.id)
      if (seen.length < 4) throw new AppError('service.unavailable')
    }
  }
  @Module({ controllers: [Things] })
  class ThingsModule {}

  const env = serviceEnvFor(scope, issuer, 'core-service')
  const service = await createService({
    name: 'core-service',
    config: serviceConfig(readConfig(z.object(serviceEnv), env)),
    module: () => ({ module: ThingsModule }),
    strategy: () => new KafkaStrategy({ kafka: scope.kafka, logger, attempts: 2, maxWaitMs: 50 }),
  })
  const { adminUrl } = await service.listen()
  scope.onClose(() => service.close())
  startRelay(scope, outbox)
  await commit(outbox, orderPlaced())
  await commit(outbox, orderPlaced())
  await until(() => seen.length === 5, { message: 'unavailable was taken for what it is: more tries than attempts, then both pass' })
  assert.equal(new Set(seen).size, 2)
  const figures = async (): Promise<string> => (await fetch(`${adminUrl}/metrics`)).text()
  await until(async () => /^messaging_consumed_total\{.*group="service".*outcome="done".*\} 2/m.test(await figures()))
  const text = await figures()
  assert.match(text, /^messaging_consumed_total\{.*outcome="waiting".*\} 1/m)
  assert.match(text, /^messaging_lag\{.*group="service".*topic="orders".*partition="0".*\} 0/m)
  assert.match(text, /^outbox_published_total(\{.*\})? 2/m)
  assert.match(text, /^outbox_age_seconds(\{.*\})? 0/m)
  assert.match(text, /^outbox_batch_size_count(\{.*\})? [12]/m)
})

/** Nest types a pattern's decorator by the method it expects; here any will do. */
type Decorator = (...args: never[]) => unknown

const declared = (first: Decorator, second?: Decorator): Promise<unknown> => {
  class Wrong {
    async first(_payload: unknown): Promise<void> {}
    async second(_payload: unknown): Promise<void> {}
  }
  const apply = (name: 'first' | 'second', decorator: Decorator): void =>
    void (decorator as MethodDecorator)(Wrong.prototype, name, Object.getOwnPropertyDescriptor(Wrong.prototype, name) ?? {})
  apply('first', first)
  if (second !== undefined) apply('second', second)
  Controller()(Wrong)
  return startConsumers(scope, Wrong)
}

test('a handler that could never be called as declared stops the start with what to do', async () => {
  await assert.rejects(declared(EventPattern('orders.order.placed.v1')), /name its consumer group/)
  await assert.rejects(declared(EventPattern('orders.order.plcaed.v1', { group: 'g' })), /not a type of the event map/)
  await assert.rejects(declared(EventPattern('orders', { group: 'g' })), /a topic needs \{ batch: true \}/)
  await assert.rejects(declared(EventPattern('parcels', { group: 'g', batch: true })), /takes a topic, one of identity/)
  await assert.rejects(declared(MessagePattern('orders')), /Kafka brings events only/)
  await assert.rejects(declared(EventPattern(DEAD_LETTERS, { group: 'g' })), /letters are taken in batches/)
  const placed = EventPattern('orders.order.placed.v1', { group: 'g' })
  await assert.rejects(declared(placed, placed), /has a handler for it already/)
  await assert.rejects(declared(placed, EventPattern('orders', { group: 'g', batch: true })), /in batches and one by one/)
})
