import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { newId, uuidOf, type Id } from '@catamaran/contracts'
import { startTelemetry } from '@catamaran/platform'
import { figureOf, spawnService, until } from '@catamaran/testing'
import { Harness } from './harness.js'
import { ok, Receiver, verifies } from './receiver.js'
import { fulfilmentFacts, partnerOf } from './webhooks.js'

const scrape = startTelemetry('aux-service')
const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url))

describe('a process that delivers webhooks', () => {
  let harness: Harness
  let receiver: Receiver

  before(async () => {
    harness = await Harness.create('aux_webhook_process', { WEBHOOK_TIMEOUT_MS: '1000', WEBHOOK_POLL_MS: '50' })
    receiver = await Receiver.start()
  })
  after(async () => {
    await harness.close()
    receiver.close()
  })

  it('is killed after it has sent and before it has noted the answer: another one sends it again, nothing is lost, secrets are in no log', async () => {
    const first = await spawnService(MAIN, harness.env)
    harness.scope.onClose(async () => void (await first.kill()))
    const who = partnerOf(harness, first.url)
    const { id, secret } = await who.endpoint(`${receiver.url}/killed?key=${newId('request')}`)
    receiver.behave = (received, response, attempt) => {
      if (attempt === 1) void first.kill().then(() => ok(received, response, attempt))
      else ok(received, response, attempt)
    }
    const facts = fulfilmentFacts(who.id)
    await who.created(facts)
    await who.shipped(facts)
    await until(() => receiver.received.length === 1, { message: 'the first one has arrived', deadlineMs: 20_000 })
    const second = await harness.start()
    await until(() => receiver.received.length >= 3, { message: 'all have arrived', deadlineMs: 20_000 })
    const [once, again, next] = receiver.received
    assert.ok(once && again && next)
    assert.deepEqual([again.id, again.text, next.body.type], [once.id, once.text, 'fulfilment.shipped'])
    assert.ok([once, again, next].every((each) => verifies(secret, each)))
    const { body } = await harness.callAs(who.id, second.url, 'GET', `/${id}/deliveries`)
    assert.equal(body.items.length, 2)
    const log = first.output.join('\n')
    assert.ok(!log.includes(secret) && !log.includes(secret.slice('whsec_'.length)) && !log.includes('key=req_'))
    await second.service.close()
    receiver.behave = ok
  })

  it('ends with an attempt that hangs: it is broken off, is no failure of the receiver, and is sent again by the next process', async () => {
    const first = await harness.start()
    const who = partnerOf(harness, first.url)
    const { id } = await who.endpoint(`${receiver.url}/hanging`)
    receiver.behave = (received, response, attempt) => (attempt === 1 ? undefined : ok(received, response, attempt))
    await who.created(fulfilmentFacts(who.id))
    await until(() => receiver.on('/hanging').length === 1, { message: 'it hangs' })
    await harness.query("update webhook_delivery set due_at = due_at + interval '1 hour' where is_leased and endpoint_id = $1", [
      uuidOf(id as never),
    ])
    await first.service.close()
    const second = await harness.start()
    await until(() => receiver.on('/hanging').length === 2, { message: 'it is sent again' })
    const call = partnerOf(harness, second.url, who.id).call
    const delivered = await until(async () => (await call('GET', `/${id}/deliveries?status=delivered`)).body.items[0], {
      message: 'it is delivered',
    })
    const { body } = await call('GET', `/${id}/deliveries/${delivered.id}`)
    assert.deepEqual(
      body.log.map(({ number, failure }: { number: number; failure: unknown }) => [number, failure]),
      [[2, null]],
    )
    await second.service.close()
  })

  it('lets an endpoint rest that failed five times in a row, until its partner asks for a test', async () => {
    const { service, url } = await harness.start({ WEBHOOK_RETRY_MS: '1', WEBHOOK_PAUSE_MS: '600000' })
    const who = partnerOf(harness, url)
    const { id } = await who.endpoint(`${receiver.url}/resting`)
    receiver.behave = (_received, response) => void response.writeHead(500).end()
    for (let index = 0; index < 6; index++) await who.created(fulfilmentFacts(who.id))
    const paused = 'select from webhook_endpoint where id = $1 and paused_until > now()'
    await until(async () => (await harness.query(paused, [uuidOf(id as Id<'webhookEndpoint'>)])).length === 1, { message: 'it rests' })
    await until(async () => (await harness.query('select from webhook_delivery where is_leased')).length === 0, {
      message: 'nothing is in hand',
    })
    const told = async () => figureOf(await scrape('text'), 'webhooks_endpoints_paused')
    await until(async () => (await told()) === 1, { message: 'that it rests is told' })
    const before = receiver.on('/resting').length
    assert.ok(before >= 5 && before <= 8)
    await who.created(fulfilmentFacts(who.id))
    await harness.settled(['aux.webhooks'])
    assert.equal((await harness.query('select from webhook_delivery where is_leased')).length, 0)
    assert.equal(receiver.on('/resting').length, before)
    receiver.behave = ok
    await who.call('POST', `/${id}/test`)
    await until(async () => (await who.call('GET', `/${id}/deliveries?status=delivered`)).body.items.length === 8, {
      message: 'all are delivered',
    })
    await until(async () => (await told()) === 0, { message: 'and that it does no more' })
    await service.close()
  })
})
