import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { newId } from '@catamaran/contracts'
import { until } from '@catamaran/testing'
import { Harness } from './harness.js'
import { NameServer } from './name-server.js'
import { ok, Receiver, verifies } from './receiver.js'
import { fulfilmentFacts, partnerOf } from './webhooks.js'

describe('webhooks', () => {
  let harness: Harness
  let receiver: Receiver
  let url: string
  let names: NameServer

  before(async () => {
    names = await NameServer.start()
    harness = await Harness.create('aux_webhooks', {
      WEBHOOK_NAME_SERVERS: names.address,
      WEBHOOK_RETRY_MS: '20,20,20,60',
      WEBHOOK_PAUSE_MS: '20',
      WEBHOOK_POLL_MS: '50',
    })
    receiver = await Receiver.start()
    url = (await harness.start()).url
  })
  after(async () => {
    await harness.close()
    receiver.close()
    names.close()
  })

  const partner = () => partnerOf(harness, url)
  const arrived = (path: string, n: number) =>
    until(() => receiver.on(path).length >= n, { message: `${n} have arrived at ${path}`, deadlineMs: 20_000 })
  const deliveries = async (who: ReturnType<typeof partner>, id: string, query = ''): Promise<{ id: string }[]> =>
    (await who.call('GET', `/${id}/deliveries${query}`)).body.items

  it('bring a partner its own events in the form of Standard Webhooks, signed as its package verifies', async () => {
    const [who, other] = [partner(), partner()]
    const { id, secret } = await who.endpoint(`${receiver.url}/form`)
    const facts = fulfilmentFacts(who.id)
    await other.created(fulfilmentFacts(other.id))
    await who.created(fulfilmentFacts(null))
    await who.created(facts)
    await arrived('/form', 1)
    const [received] = receiver.on('/form')
    assert.ok(received)
    const { partnerId: _told, ...data } = facts
    assert.deepEqual([received.body.type, received.body.data], ['fulfilment.created', data])
    assert.match(received.id, /^evt_/)
    assert.equal(verifies(secret, received), true)
    assert.ok(!('traceparent' in received.headers), 'our trace is nobody’s business')
    assert.equal(verifies(secret, { ...received, text: received.text.replace('EUR', 'USD') }), false)
    await until(async () => (await deliveries(who, id, '?status=delivered')).length === 1, { message: 'it is known as delivered' })
    assert.equal(receiver.on('/form').length, 1)
  })

  it('are told by type: one, all of a thing, or everything', async () => {
    const who = partner()
    await who.endpoint(`${receiver.url}/one`, ['payment.captured'])
    await who.endpoint(`${receiver.url}/thing`, ['fulfilment.*'])
    await who.endpoint(`${receiver.url}/all`)
    const facts = fulfilmentFacts(who.id)
    await who.created(facts)
    await who.shipped(facts)
    await who.captured(facts)
    await arrived('/all', 3)
    await arrived('/thing', 2)
    await arrived('/one', 1)
    assert.deepEqual(receiver.types('/all'), ['fulfilment.created', 'fulfilment.shipped', 'payment.captured'])
    assert.deepEqual(receiver.types('/thing'), ['fulfilment.created', 'fulfilment.shipped'])
    assert.deepEqual(receiver.types('/one'), ['payment.captured'])
  })

  it('are signed with the old secret and the new one while a rotation overlaps, and with the new one alone after it', async () => {
    const who = partner()
    const { id, secret: old } = await who.endpoint(`${receiver.url}/rotated`)
    const rotated = await who.call('POST', `/${id}/rotate-secret`, { overlapSeconds: 3_600 })
    assert.equal(rotated.status, 200)
    assert.ok(Date.parse(rotated.body.oldSecretsEndAt) > Date.now() + 3_500_000)
    await who.call('POST', `/${id}/test`)
    await arrived('/rotated', 1)
    const [first] = receiver.on('/rotated')
    assert.deepEqual(first && [verifies(old, first), verifies(rotated.body.secret, first)], [true, true])
    const again = await who.call('POST', `/${id}/rotate-secret`, { overlapSeconds: 0 })
    await who.call('POST', `/${id}/test`)
    await arrived('/rotated', 2)
    const second = receiver.on('/rotated')[1]
    assert.deepEqual(second && [old, rotated.body.secret, again.body.secret].map((secret: string) => verifies(secret, second)), [
      false,
      false,
      true,
    ])
  })

  it('refuse a fifth secret at the same time', async () => {
    const who = partner()
    const { id } = await who.endpoint(`${receiver.url}/secrets`)
    for (let index = 0; index < 3; index++) assert.equal((await who.call('POST', `/${id}/rotate-secret`, {})).status, 200)
    assert.equal((await who.call('POST', `/${id}/rotate-secret`, {})).body.code, 'webhooks.secret-limit')
  })

  it('keep the order of each order while its first one fails, and hold up no other order', async () => {
    const who = partner()
    await who.endpoint(`${receiver.url}/order`)
    const [stuck, free] = [fulfilmentFacts(who.id), fulfilmentFacts(who.id)]
    const isStuck = { value: true }
    receiver.behave = (received, response, attempt) => {
      if (received.body.data['orderId'] === stuck.orderId && received.body.type === 'fulfilment.created' && isStuck.value)
        response.writeHead(500).end('not now')
      else ok(received, response, attempt)
    }
    await who.created(stuck)
    await who.shipped(stuck)
    await who.captured(stuck)
    await who.created(free)
    await who.shipped(free)
    const of = ({ orderId }: typeof stuck) => receiver.on('/order').filter(({ body }) => body.data['orderId'] === orderId)
    await until(() => of(free).length === 2 && of(stuck).length >= 3, {
      message: 'the other order has passed, the first one was tried thrice',
    })
    assert.deepEqual([...new Set(of(stuck).map(({ body }) => body.type))], ['fulfilment.created'])
    assert.equal(new Set(of(stuck).map(({ id }) => id)).size, 1)
    isStuck.value = false
    await until(() => of(stuck).some(({ body }) => body.type === 'payment.captured'), { message: 'all have passed' })
    assert.deepEqual([...new Set(of(stuck).map(({ body }) => body.type))], ['fulfilment.created', 'fulfilment.shipped', 'payment.captured'])
    receiver.behave = ok
  })

  it('are logged for their partner: request, answer, the first KiB of its body, timings, and why it failed', async () => {
    const who = partner()
    const { id } = await who.endpoint(`${receiver.url}/log?key=of-the-partner`)
    receiver.behave = (_received, response, attempt) =>
      void (attempt === 1
        ? response.writeHead(503, { 'x-reason': 'tired' }).end(`\0${'x'.repeat(5_000)}`)
        : response.writeHead(200).end('thanks'))
    const test = await who.call('POST', `/${id}/test`)
    assert.deepEqual([test.status, test.body.type, test.body.status], [202, 'webhook.test', 'waiting'])
    const details = await until(
      async () => {
        const { body } = await who.call('GET', `/${id}/deliveries/${test.body.id}`)
        return body.status === 'delivered' && body
      },
      { message: 'it is delivered' },
    )
    receiver.behave = ok
    assert.equal(details.attempts, 2)
    const [first, second] = details.log
    assert.deepEqual([first.number, first.failure, first.response.status, first.response.headers['x-reason']], [1, 'status', 503, 'tired'])
    assert.equal(first.response.body, `\uFFFD${'x'.repeat(1023)}`)
    assert.deepEqual([second.number, second.failure, second.response.body], [2, null, 'thanks'])
    assert.equal(second.request.headers['webhook-id'], details.eventId)
    assert.equal(second.request.url, `${receiver.url}/log?key=of-the-partner`)
    assert.ok(second.durationMs >= second.firstByteMs && Date.parse(second.startedAt) >= Date.parse(first.startedAt))
    assert.equal(JSON.parse(details.body).type, 'webhook.test')
  })

  it('never follow a redirect', async () => {
    const who = partner()
    const { id } = await who.endpoint(`${receiver.url}/redirecting`)
    receiver.behave = (received, response, attempt) =>
      received.path === '/redirecting' && attempt === 1
        ? void response.writeHead(307, { location: `${receiver.url}/elsewhere` }).end()
        : ok(received, response, attempt)
    const { body: test } = await who.call('POST', `/${id}/test`)
    await arrived('/redirecting', 2)
    receiver.behave = ok
    const { body } = await who.call('GET', `/${id}/deliveries/${test.id}`)
    assert.equal(body.log[0].failure, 'redirect')
    assert.deepEqual(receiver.on('/elsewhere'), [])
  })

  it('don’t follow a name to where it leads by now, when it was good while the endpoint was made', async () => {
    const who = partner()
    const target = `http://shop.example:${new URL(receiver.url).port}/rebound`
    names.addresses = ['127.0.0.1', '169.254.169.254']
    assert.equal((await who.create(target)).body.code, 'webhooks.url-refused')
    names.addresses = []
    assert.equal((await who.create(target)).body.code, 'webhooks.url-refused')
    names.addresses = ['127.0.0.1']
    const { id } = await who.endpoint(target)
    receiver.behave = (_received, response) => void response.writeHead(204, { connection: 'close' }).end()
    await who.call('POST', `/${id}/test`)
    await arrived('/rebound', 1)
    names.addresses = ['127.0.0.2']
    const { body: second } = await who.call('POST', `/${id}/test`)
    const log = await until(
      async () => {
        const { body } = await who.call('GET', `/${id}/deliveries/${second.id}`)
        return body.log.length > 0 && body.log
      },
      { message: 'it was tried' },
    )
    assert.deepEqual([log[0].failure, log[0].response], ['address_refused', null])
    assert.equal(receiver.on('/rebound').length, 1)
    receiver.behave = ok
  })

  it('show a partner nothing of another partner, and let it change nothing', async () => {
    const [who, other] = [partner(), partner()]
    const { id } = await who.endpoint(`${receiver.url}/mine`)
    const { body: test } = await who.call('POST', `/${id}/test`)
    const tries: [string, string, unknown?][] = [
      ['GET', `/${id}`],
      ['PATCH', `/${id}`, { description: 'mine now' }],
      ['DELETE', `/${id}`],
      ...['enable', 'disable', 'test'].map((verb): [string, string] => ['POST', `/${id}/${verb}`]),
      ['POST', `/${id}/rotate-secret`, {}],
      ['POST', `/${id}/redeliver`, { deliveryId: test.id }],
      ['GET', `/${id}/deliveries`],
      ['GET', `/${id}/deliveries/${test.id}`],
    ]
    for (const [method, path, body] of tries) {
      const answer = await other.call(method, path, body)
      assert.deepEqual([answer.status, answer.body.code], [404, 'webhooks.endpoint-not-found'], `${method} ${path}`)
    }
    const { id: own } = await other.endpoint(`${receiver.url}/other`)
    const answer = await other.call('GET', `/${own}/deliveries/${test.id}`)
    assert.equal(answer.body.code, 'webhooks.delivery-not-found')
    assert.deepEqual(
      (await other.call('GET', '')).body.items.map((each: { id: string }) => each.id),
      [own],
    )
  })

  it('make an endpoint once for each Idempotency-Key, show its secret once, and no more endpoints than the plan allows', async () => {
    const who = partner()
    const key = randomUUID()
    const [first, second] = await Promise.all([
      who.create(`${receiver.url}/key`, ['*'], key),
      who.create(`${receiver.url}/key`, ['*'], key),
    ])
    assert.equal(first.body.endpoint.id, second.body.endpoint.id)
    const [made, replayed] = first.body.isReplay === true ? [second, first] : [first, second]
    assert.deepEqual([made.body.isReplay, 'secret' in made.body.endpoint], [false, true])
    assert.deepEqual([replayed.body.isReplay, 'secret' in replayed.body.endpoint], [true, false])
    assert.equal((await who.create(`${receiver.url}/other`, ['*'], key)).body.code, 'request.idempotency-key-reused')
    const refused = await who.create(`${receiver.url}/more`, ['*'], randomUUID(), 1)
    assert.deepEqual([refused.status, refused.body.code], [409, 'webhooks.endpoint-limit'])
  })

  it('keep secrets sealed: the database holds none in the clear', async () => {
    const who = partner()
    const { secret } = await who.endpoint(`${receiver.url}/sealed`)
    const rows = await harness.query<{ sealed: Buffer }>('select sealed from webhook_secret')
    const bytes = Buffer.from(secret.slice('whsec_'.length), 'base64')
    assert.equal(bytes.length, 32)
    assert.ok(rows.length > 0 && rows.every(({ sealed }) => !sealed.includes(bytes)))
  })

  it('tell one by one what a request lacks', async () => {
    const who = partner()
    assert.equal((await who.create('http://10.0.0.1/hook')).body.code, 'webhooks.url-refused')
    assert.equal((await who.create(receiver.url, ['fulfilment.exploded'])).body.code, 'request.invalid')
    const { id } = await who.endpoint(`${receiver.url}/changing`)
    assert.equal((await who.call('PATCH', `/${id}`, { url: 'http://169.254.169.254/' })).body.code, 'webhooks.url-refused')
    const changed = await who.call('PATCH', `/${id}`, { description: 'Shop', events: ['return.*'] })
    assert.deepEqual([changed.body.description, changed.body.events, changed.body.url], ['Shop', ['return.*'], `${receiver.url}/changing`])
    assert.equal((await who.call('DELETE', `/${id}`)).status, 204)
    assert.equal((await who.call('GET', `/${newId('webhookEndpoint')}`)).status, 404)
    assert.equal((await who.call('GET', `/${id}`)).status, 404)
  })

  it('page through deliveries, newest first, by status', async () => {
    const who = partner()
    const { id } = await who.endpoint(`${receiver.url}/paged`)
    for (let index = 0; index < 3; index++) await who.call('POST', `/${id}/test`)
    await until(async () => (await deliveries(who, id, '?status=delivered')).length === 3, { message: 'all are delivered' })
    const { body: page } = await who.call('GET', `/${id}/deliveries?limit=2`)
    const { body: rest } = await who.call('GET', `/${id}/deliveries?limit=2&cursor=${page.nextCursor}`)
    const ids = [...page.items, ...rest.items].map((each: { id: string }) => each.id)
    assert.deepEqual([ids.length, rest.nextCursor], [3, null])
    assert.deepEqual(ids, ids.toSorted().toReversed())
    assert.deepEqual(await deliveries(who, id, '?status=dead'), [])
    assert.equal((await who.call('GET', `/${id}/deliveries?cursor=nonsense`)).body.code, 'request.invalid-cursor')
  })
})
