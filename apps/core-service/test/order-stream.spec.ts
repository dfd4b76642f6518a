import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { newId, type UserId } from '@catamaran/contracts'
import { createTopics } from '@catamaran/messaging'
import { OutageProxy } from '@catamaran/testing'
import { freshKey, Harness, orderOf } from './harness.js'

let harness: Harness
let url: string
let otherUrl: string
let redis: OutageProxy
let deafUrl: string
let buyerId: UserId

before(async () => {
  // Only a message can be in time: nobody looks by themselves within a test.
  harness = await Harness.create('order_stream', { ORDER_STREAM_LOOK_MS: '60000' })
  await createTopics(harness.scope.kafka, { topics: ['orders', 'catalogue'], partitions: 1 })
  url = (await harness.start()).url
  otherUrl = (await harness.start()).url
  redis = await OutageProxy.before(harness.scope.engines.redisUrl)
  harness.scope.onClose(() => redis.close())
  deafUrl = (await harness.start({ REDIS_URL: redis.url, ORDER_STREAM_LOOK_MS: '50' })).url
  buyerId = newId('user')
})
after(() => harness.close())

interface Told {
  id: string
  event: string
  data: { status: string; reason: string | null; version: number }
}

/** Opens a stream; `next` waits for one event, `rest` for its end. */
const open = async (base: string, id: string, { lastEventId, sub = buyerId }: { lastEventId?: string; sub?: UserId } = {}) => {
  const response = await fetch(`${base}/v1/orders/${id}/events`, {
    headers: {
      accept: 'text/event-stream',
      authorization: `Bearer ${await harness.issuer.token({ sub, scopes: ['orders:read'] })}`,
      'x-service-token': await harness.issuer.serviceToken('api-gateway'),
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    },
    signal: AbortSignal.timeout(20_000),
  })
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  const next = async (): Promise<Told | undefined> => {
    for (;;) {
      const end = text.indexOf('\n\n')
      if (end >= 0) {
        const block = text.slice(0, end)
        text = text.slice(end + 2)
        if (block.startsWith(':')) continue
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? ''
        return { id: field('id'), event: field('event'), data: JSON.parse(field('data')) as Told['data'] }
      }
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined }
      if (done) return undefined
      text += value
    }
  }
  return { status: response.status, type: response.headers.get('content-type'), next, cancel: () => reader?.cancel() }
}
const place = async () => {
  const buyer = await harness.buyer(url, buyerId)
  const { body } = await buyer.call('POST', '/v1/orders', orderOf([await harness.product(3), 1]), freshKey())
  return { id: body.id as string, cancel: () => buyer.call('POST', `/v1/orders/${body.id}/cancel`) }
}

test('a stream in another process tells what has happened and what happens, and ends with the order', async () => {
  const order = await place()
  const stream = await open(otherUrl, order.id)
  assert.deepEqual([stream.status, stream.type], [200, 'text/event-stream'])
  const first = await stream.next()
  assert.deepEqual([first?.id, first?.event, first?.data.status], ['1', 'order.placed', 'pending_payment'])
  await order.cancel()
  const second = await stream.next()
  assert.deepEqual([second?.id, second?.event, second?.data.reason], ['2', 'order.cancelled', 'buyer'])
  assert.equal(await stream.next(), undefined, 'the stream has ended')
})

test('who comes back with the last id misses nothing and hears nothing twice; after the end there is nothing more', async () => {
  const order = await place()
  await order.cancel()
  const again = await open(url, order.id, { lastEventId: '1' })
  assert.equal((await again.next())?.id, '2')
  assert.equal(await again.next(), undefined)
  assert.equal((await open(url, order.id, { lastEventId: '2' })).status, 204)
})

test('without Redis a stream looks by itself', async () => {
  redis.cut()
  const order = await place()
  const stream = await open(deafUrl, order.id)
  assert.equal((await stream.next())?.id, '1')
  await order.cancel()
  assert.equal((await stream.next())?.event, 'order.cancelled')
})

test("a stranger's stream is not found", async () => {
  const order = await place()
  assert.equal((await open(url, order.id, { sub: newId('user') })).status, 404)
})
