import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { newId } from '@catamaran/contracts'
import { startTelemetry } from '@catamaran/platform'
import { figureOf, until } from '@catamaran/testing'
import { Harness } from './harness.js'
import { ok, Receiver, type Behaviour } from './receiver.js'
import { fulfilmentFacts, partnerOf } from './webhooks.js'

const scrape = startTelemetry('aux-service')
const failing: Behaviour = (_received, response) => void response.writeHead(500).end()

describe('webhooks that fail', () => {
  let harness: Harness
  let receiver: Receiver
  let url: string
  /** How the receiver answers on a path. */
  const behaviours = new Map<string, Behaviour>()

  before(async () => {
    harness = await Harness.create('aux_webhook_failures', {
      ...{ WEBHOOK_RETRY_MS: '60', WEBHOOK_WINDOW_MS: '400', WEBHOOK_PAUSE_MS: '10', WEBHOOK_POLL_MS: '20', WEBHOOK_TIMEOUT_MS: '1000' },
    })
    receiver = await Receiver.start()
    receiver.behave = (received, response, attempt) => (behaviours.get(received.path) ?? ok)(received, response, attempt)
    url = (await harness.start()).url
  })
  after(async () => {
    await harness.close()
    receiver.close()
  })

  const endpointAt = async (path: string) => {
    const who = partnerOf(harness, url)
    const { id } = await who.endpoint(receiver.url + path)
    const read = async () => (await who.call('GET', `/${id}`)).body
    const deliveries = async (query = '') => (await who.call('GET', `/${id}/deliveries${query}`)).body.items
    return { who, id, read, deliveries }
  }
  const becomes = (read: () => Promise<{ status: string }>, status: string) =>
    until(async () => (await read()).status === status, { message: `the endpoint is ${status}` })
  const longAgo = '2020-01-01T00:00:00Z'
  const range = () => ({ from: longAgo, to: new Date(Date.now() + 60_000).toISOString() })

  it('for the whole window switch their endpoint off, with an event that tells its partner’s owners', async () => {
    const { who, id, read, deliveries } = await endpointAt('/down')
    behaviours.set('/down', failing)
    const facts = fulfilmentFacts(who.id)
    await who.created(facts)
    await who.shipped(facts)
    await becomes(read, 'disabled')
    const { disabledReason, failingSince } = await read()
    assert.equal(disabledReason, 'failing')
    assert.ok(Date.parse(failingSince) <= Date.now() - 300)
    await until(async () => (await deliveries('?status=dead')).length === 2, { message: 'what waited is dead, and can be seen' })
    assert.ok(receiver.on('/down').length >= 2, 'it was tried again; how often in the window is up to the machine')
    assert.equal(receiver.types('/down')[0], 'fulfilment.created')
    const told = { endpointId: id, partnerId: who.id, reason: 'failing' }
    await until(async () => (await harness.published('webhooks')).some((data) => JSON.stringify(data) === JSON.stringify(told)), {
      message: 'an event says so',
    })

    await who.captured(facts)
    await until(async () => (await deliveries()).length === 3, { message: 'what comes meanwhile is kept' })
    assert.equal((await deliveries('?status=dead')).length, 3)
    const refused = await who.call('POST', `/${id}/redeliver`, range())
    assert.deepEqual([refused.status, refused.body.code], [409, 'webhooks.endpoint-disabled'])
    assert.equal((await who.call('POST', `/${id}/test`)).body.code, 'webhooks.endpoint-disabled')

    behaviours.set('/down', ok)
    const before = receiver.on('/down').length
    assert.equal((await who.call('POST', `/${id}/enable`)).body.status, 'enabled')
    assert.deepEqual((await who.call('POST', `/${id}/redeliver`, range())).body, { queued: 3 })
    await until(async () => (await deliveries('?status=delivered')).length === 3, { message: 'all are delivered' })
    assert.deepEqual(receiver.types('/down').slice(before), ['fulfilment.created', 'fulfilment.shipped', 'payment.captured'])
    assert.deepEqual((await who.call('POST', `/${id}/redeliver`, range())).body, { queued: 0 })
  })

  it('alone, while others arrive, become dead letters; their endpoint stays on and the next ones of the order pass', async () => {
    const { who, read, deliveries } = await endpointAt('/poison')
    const [bad, good] = [fulfilmentFacts(who.id), fulfilmentFacts(who.id)]
    behaviours.set('/poison', (received, response, attempt) =>
      (received.body.data['orderId'] === bad.orderId && received.body.type === 'fulfilment.created' ? failing : ok)(
        received,
        response,
        attempt,
      ),
    )
    await who.created(bad)
    await who.shipped(bad)
    let sequence = 1
    await until(async () => {
      await who.created({ ...good, orderId: newId('order') }, sequence++)
      return receiver.types('/poison').includes('fulfilment.shipped')
    })
    const [dead, ...more] = await deliveries('?status=dead')
    assert.deepEqual([dead.type, dead.deadReason, more.length], ['fulfilment.created', 'exhausted', 0])
    assert.equal((await read()).status, 'enabled')
  })

  it('with 410 Gone switch their endpoint off at once', async () => {
    const { who, read, deliveries } = await endpointAt('/gone')
    behaviours.set('/gone', (_received, response) => void response.writeHead(410).end())
    await who.created(fulfilmentFacts(who.id))
    await becomes(read, 'disabled')
    assert.equal((await read()).disabledReason, 'gone')
    assert.deepEqual([receiver.on('/gone').length, (await deliveries())[0].deadReason], [1, 'gone'])
  })

  it('can be sent again one by one under the same webhook-id; asking twice queues once, and the delay of the event stays as it was', async () => {
    const { who, id, deliveries } = await endpointAt('/again')
    const timed = async () => figureOf(await scrape('text'), 'webhooks_delay_seconds_count')
    const before_ = await timed()
    await who.created(fulfilmentFacts(who.id))
    await until(async () => (await deliveries('?status=delivered')).length === 1, { message: 'it is delivered' })
    const [delivery] = await deliveries()
    behaviours.set('/again', failing)
    const ask = async () => (await who.call('POST', `/${id}/redeliver`, { deliveryId: delivery.id })).body.queued
    const asked = await Promise.all([ask(), ask(), ask()])
    assert.deepEqual(asked.toSorted(), [0, 0, 1])
    behaviours.set('/again', ok)
    await until(async () => (await deliveries('?status=delivered')).length === 1, { message: 'it is delivered again' })
    assert.deepEqual([...new Set(receiver.on('/again').map((each) => each.id))], [delivery.eventId])
    assert.ok(receiver.on('/again').length >= 2)
    assert.equal(await timed(), before_ + 1)
    const absent = await who.call('POST', `/${id}/redeliver`, { deliveryId: newId('webhookDelivery') })
    assert.equal(absent.body.code, 'webhooks.delivery-not-found')
    assert.equal((await who.call('POST', `/${id}/redeliver`, { ...range(), status: 'any' })).body.queued, 1)
  })

  it('wait no longer once the partner disables the endpoint: they are dead letters', async () => {
    const { who, id, deliveries } = await endpointAt('/off')
    behaviours.set('/off', failing)
    await who.created(fulfilmentFacts(who.id))
    await until(() => receiver.on('/off').length > 0, { message: 'it was tried' })
    const { body } = await who.call('POST', `/${id}/disable`)
    assert.deepEqual([body.status, body.disabledReason], ['disabled', 'partner'])
    await until(async () => (await deliveries('?status=dead')).length === 1, { message: 'it is dead' })
  })

  it('for want of an answer are tried again, and say why', async () => {
    const { who, id, deliveries } = await endpointAt('/silent')
    behaviours.set('/silent', (received, response, attempt) =>
      attempt === 1 ? void response.socket?.destroy() : attempt === 2 ? undefined : ok(received, response, attempt),
    )
    await who.call('POST', `/${id}/test`)
    await until(async () => (await deliveries('?status=delivered')).length + (await deliveries('?status=dead')).length === 1)
    const { body } = await who.call('GET', `/${id}/deliveries/${(await deliveries())[0].id}`)
    assert.deepEqual(
      body.log.slice(0, 2).map(({ failure, response }: { failure: string; response: unknown }) => [failure, response]),
      [
        ['connection_closed', null],
        ['timeout', null],
      ],
    )
  })

  it('are counted once each: an event that comes again makes no second delivery', async () => {
    const own = await Harness.create('aux_webhook_replay')
    try {
      const first = await own.start()
      const who = partnerOf(own, first.url)
      await who.endpoint(`${receiver.url}/replay`)
      const facts = fulfilmentFacts(who.id)
      await who.created(facts)
      await who.shipped(facts)
      await own.settled()
      await until(() => receiver.on('/replay').length === 2, { message: 'both have arrived' })
      await first.service.close()
      await own.replayEverything()
      const second = await own.start()
      await own.settled()
      await partnerOf(own, second.url, who.id).captured(facts)
      await until(() => receiver.types('/replay').includes('payment.captured'), { message: 'what is new arrives' })
      assert.deepEqual(receiver.types('/replay'), ['fulfilment.created', 'fulfilment.shipped', 'payment.captured'])
    } finally {
      await own.close()
    }
  })

  it('are never more than one at a time for an order, and never out of order, with two processes', async () => {
    // None is given up, however slow the machine is.
    const own = await Harness.create('aux_webhook_two', { WEBHOOK_RETRY_MS: '60', WEBHOOK_PAUSE_MS: '10', WEBHOOK_POLL_MS: '20' })
    const [first] = [await own.start(), await own.start()]
    const who = partnerOf(own, first.url)
    const { id } = await who.endpoint(`${receiver.url}/two`)
    const deliveries = async (query: string) => (await who.call('GET', `/${id}/deliveries${query}`)).body.items
    let isBusy = false
    const overlaps: string[] = []
    behaviours.set('/two', (received, response, attempt) => {
      if (isBusy) overlaps.push(received.id)
      isBusy = true
      setImmediate(() => {
        isBusy = false
        ;(attempt === 1 ? failing : ok)(received, response, attempt)
      })
    })
    const orderId = newId('order')
    const sequences = Array.from({ length: 6 }, (_, index) => index + 1)
    for (const sequence of sequences) await who.created({ ...fulfilmentFacts(who.id, orderId), itemsMinor: sequence }, sequence)
    await until(async () => (await deliveries('?status=delivered')).length === sequences.length, {
      message: 'all are delivered',
      deadlineMs: 60_000, // the second process makes Kafka deal the partitions anew
    })
    const firsts = receiver.on('/two').map(({ body }) => body.data['itemsMinor'])
    assert.deepEqual([...new Set(firsts)], sequences)
    assert.deepEqual(
      firsts,
      sequences.flatMap((sequence) => [sequence, sequence]),
    )
    assert.deepEqual(overlaps, [])
    await own.close()
  })
})
