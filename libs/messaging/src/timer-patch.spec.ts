import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import './kafka.js'

type Queue = { pending: unknown[]; throttleCheckTimeoutId: unknown; throttledUntil: number } & Record<string, (...args: unknown[]) => void>
const RequestQueue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue/index.js') as new (options: object) => Queue
const logger = { debug: () => undefined }
const queueOf = (maxInFlightRequests: number): Queue => new RequestQueue({ maxInFlightRequests, requestTimeout: 1000, logger })
const request = (correlationId: number, sent: number[]): object => ({
  entry: { correlationId, resolve: () => undefined, reject: () => undefined },
  expectResponse: true,
  sendRequest: () => sent.push(correlationId),
})

test("kafkajs's request queue sets no timer while nothing waits", () => {
  const queue = queueOf(1)
  queue['scheduleCheckPendingRequests']?.()
  assert.equal(queue.throttleCheckTimeoutId, null)
  queue['checkPendingRequests']?.()
  assert.equal(queue.throttleCheckTimeoutId, null)
})

test('a request that waits for its turn, or for a throttle to end, is still sent', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  const sent: number[] = []
  const queue = queueOf(1)
  queue['push']?.(request(1, sent))
  queue['push']?.(request(2, sent))
  assert.deepEqual(sent, [1])
  queue['fulfillRequest']?.({ correlationId: 1, payload: null, size: 0 })
  assert.deepEqual(sent, [1, 2])

  const throttled = queueOf(5)
  throttled['maybeThrottle']?.(200)
  throttled['push']?.(request(3, sent))
  context.mock.timers.tick(199)
  assert.deepEqual(sent, [1, 2])
  context.mock.timers.tick(2)
  assert.deepEqual(sent, [1, 2, 3])
  assert.equal(throttled.throttleCheckTimeoutId, null)
})
