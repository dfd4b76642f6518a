import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, afterEach, before, test } from 'node:test'
import type { Payment } from '../src/payment.js'
import { createPsp, type Psp } from '../src/psp.js'
import { addressOf, amounts, API_KEY, authorisation, Merchant, Receiver, SECRET, until, type Problem } from './setting.js'

let folder: string
let receiver: Receiver
let psp: Psp
let merchant: Merchant

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'psp-'))
  receiver = await Receiver.start()
  psp = createPsp({ folder, apiKey: API_KEY, callbackUrl: receiver.url, callbackSecret: SECRET })
  await once(psp.server.listen(0, '127.0.0.1'), 'listening')
  merchant = new Merchant(addressOf(psp.server))
})
after(async () => {
  psp.close()
  receiver.close()
  await rm(folder, { recursive: true })
})
afterEach(() => merchant.call('DELETE', '/control/faults'))

const problem = (path: string, body: unknown, key?: string) => merchant.post<Problem>(path, body, key)
const movementsOf = async ({ id }: Payment) =>
  (await merchant.ledger()).filter(({ paymentId }) => paymentId === id).map(({ kind, amountMinor }) => [kind, amountMinor])

test('a payment is authorised, captured and refunded in parts, voided for the rest, and the ledger has a row for each', async () => {
  const payment = await merchant.authorise('card_ok', 10_00, { reference: 'ord_parts' })
  assert.match(payment.id, /^pay_\w+$/)
  const { status, declineCode, nextAction, currency, reference } = payment
  assert.deepEqual([status, declineCode, nextAction, currency, reference], ['authorised', null, null, 'EUR', 'ord_parts'])
  assert.ok(Date.parse(payment.authorisedUntil ?? '') > Date.now())
  assert.deepEqual(amounts(payment), [1000, 0, 0, 0, 0, 1000])

  const path = `/v1/payments/${payment.id}`
  assert.deepEqual(amounts((await merchant.post(`${path}/captures`, { amountMinor: 300 })).body), [1000, 300, 0, 0, 0, 700])
  assert.deepEqual(amounts((await merchant.post(`${path}/captures`, { amountMinor: 200 })).body), [1000, 500, 0, 0, 0, 500])
  assert.deepEqual(amounts((await merchant.post(`${path}/voids`, { amountMinor: 100 })).body), [1000, 500, 100, 0, 0, 400])
  assert.deepEqual(amounts((await merchant.post(`${path}/refunds`, { amountMinor: 450 })).body), [1000, 500, 100, 0, 450, 400])
  assert.deepEqual(amounts((await merchant.post(`${path}/voids`)).body), [1000, 500, 500, 0, 450, 0])
  const last = await merchant.find(payment.id)
  assert.deepEqual([amounts(last), last.authorisedUntil], [[1000, 500, 500, 0, 450, 0], null])
  assert.deepEqual(await movementsOf(payment), [
    ['authorise', 1000],
    ['capture', 300],
    ['capture', 200],
    ['void', 100],
    ['refund', 450],
    ['void', 400],
  ])
})

test('what would move too much, or money that was never authorised, is refused with 422 and moves nothing', async () => {
  const { id } = await merchant.authorise('card_ok', 500)
  await merchant.post(`/v1/payments/${id}/captures`, { amountMinor: 200 })
  for (const [action, amountMinor] of [
    ['captures', 301],
    ['voids', 301],
    ['refunds', 201],
  ] as const) {
    const { status, body } = await problem(`/v1/payments/${id}/${action}`, { amountMinor })
    assert.deepEqual([status, body.code], [422, 'amount_too_large'], action)
  }
  const declined = await merchant.authorise('card_declined')
  for (const action of ['captures', 'voids', 'refunds']) {
    const { status, body } = await problem(`/v1/payments/${declined.id}/${action}`, { amountMinor: 1 })
    assert.deepEqual([status, body.code], [422, 'not_authorised'], action)
  }
  assert.deepEqual(amounts(await merchant.find(id)), [500, 200, 0, 0, 0, 300])
  assert.deepEqual(await movementsOf(declined), [])
})

test('an unknown payment is 404, an unknown card or currency 422, and a malformed call 400', async () => {
  const codeOf = async (path: string, body: unknown, key?: string) => {
    const reply = await problem(path, body, key)
    return [reply.status, reply.body.code]
  }
  assert.deepEqual(await codeOf('/v1/payments/pay_none/captures', { amountMinor: 1 }), [404, 'unknown_payment'])
  assert.equal((await merchant.call('GET', '/v1/payments/pay_none')).status, 404)
  assert.deepEqual(await codeOf('/v1/payments', authorisation('card_none')), [422, 'payment_method_unknown'])
  assert.deepEqual(await codeOf('/v1/payments', authorisation('toString')), [422, 'payment_method_unknown'])
  assert.deepEqual(await codeOf('/v1/payments', authorisation('card_ok', 1, { currency: 'XAU' })), [422, 'currency_unsupported'])
  const bad: unknown[] = [
    '{',
    '[]',
    authorisation('card_ok', 0),
    authorisation('card_ok', 1.5),
    authorisation('card_ok', 1, { currency: 'eur' }),
    authorisation('card_ok', 1, { reference: '' }),
    authorisation('card_ok', 1, { returnUrl: 'javascript:alert(1)' }),
    authorisation('card_ok', 1, { colour: 'red' }),
  ]
  for (const body of bad) assert.deepEqual(await codeOf('/v1/payments', body), [400, 'malformed'], JSON.stringify(body))
  assert.deepEqual(await codeOf('/v1/payments', authorisation(), ''), [400, 'malformed'])
  assert.deepEqual(await codeOf('/v1/payments', 'x'.repeat(65 * 1024)), [400, 'malformed'])
})

test('without the key every call is 401; the pages and the probe need none', async () => {
  for (const path of ['/v1/payments', '/control/ledger']) {
    assert.equal((await fetch(merchant.url + path)).status, 401)
    assert.equal((await fetch(merchant.url + path, { headers: { authorization: 'Bearer sk_test_of_the_sandboy' } })).status, 401)
  }
  for (const path of ['/', '/livez']) assert.equal((await fetch(merchant.url + path)).status, 200)
  assert.equal((await fetch(`${merchant.url}/none`)).status, 404)
})

test('the same key and body replay the first answer, refusals too, and another body or path is refused', async () => {
  const key = merchant.newKey()
  const first = await merchant.post('/v1/payments', authorisation(), key)
  await merchant.post(`/v1/payments/${first.body.id}/captures`, { amountMinor: 1 })
  const again = await merchant.post('/v1/payments', authorisation(), key)
  assert.deepEqual([first.isReplay, again], [false, { ...first, isReplay: true }])
  for (const [path, body] of [
    ['/v1/payments', authorisation('card_ok', 999)],
    [`/v1/payments/${first.body.id}/refunds`, { amountMinor: 1 }],
  ] as const) {
    const { status, body: answer } = await problem(path, body, key)
    assert.deepEqual([status, answer.code], [422, 'idempotency_key_reused'])
  }
  const tooMuch = merchant.newKey()
  const path = `/v1/payments/${first.body.id}/captures`
  const refused = await problem(path, { amountMinor: 1000 }, tooMuch)
  assert.deepEqual(await problem(path, { amountMinor: 1000 }, tooMuch), { ...refused, isReplay: true })
  assert.equal(refused.status, 422)
})

test('of many calls with one key only one moves money', async () => {
  const { id } = await merchant.authorise()
  const key = merchant.newKey()
  const replies = await Promise.all(
    Array.from({ length: 20 }, () => merchant.post(`/v1/payments/${id}/captures`, { amountMinor: 100 }, key)),
  )
  for (const { status } of replies) assert.ok(status === 200 || status === 409, String(status))
  assert.equal(replies.filter(({ status, isReplay }) => status === 200 && !isReplay).length, 1)
  assert.equal((await merchant.find(id)).capturedMinor, 100)
})

test('payments are listed newest first, by reference, in pages', async () => {
  const ids = []
  for (let n = 0; n < 5; n++) ids.unshift((await merchant.authorise('card_ok', 100, { reference: 'ord_list' })).id)
  await merchant.authorise('card_ok', 100, { reference: 'ord_other' })
  const { body: first } = await merchant.list('reference=ord_list&limit=3')
  const { body: second } = await merchant.list(`reference=ord_list&limit=3&after=${first.data.at(-1)?.id}`)
  assert.deepEqual([first.hasMore, second.hasMore], [true, false])
  assert.deepEqual(
    [...first.data, ...second.data].map(({ id }) => id),
    ids,
  )
  assert.equal((await merchant.list('limit=0')).status, 400)
  assert.equal((await merchant.list('after=pay_none')).status, 400)
})

test('declines answer 200 with a reason and no money', async () => {
  for (const [card, code] of [
    ['card_declined', 'card_declined'],
    ['card_insufficient_funds', 'insufficient_funds'],
  ] as const) {
    const { status, body } = await merchant.post('/v1/payments', authorisation(card))
    assert.deepEqual(
      [status, body.status, body.declineCode, body.authorisedUntil, amounts(body)],
      [200, 'declined', code, null, [0, 0, 0, 0, 0, 0]],
    )
    await until(() => receiver.typesOf(body).join() === 'payment.declined')
  }
})

test('each change is told by one signed callback that holds the payment as it was then', async () => {
  const payment = await merchant.authorise()
  await merchant.post(`/v1/payments/${payment.id}/captures`, { amountMinor: 400 })
  await until(() => receiver.of(payment).length === 2)
  const told = receiver.of(payment).toSorted((a, b) => a.type.localeCompare(b.type))
  assert.deepEqual(
    told.map((callback) => [callback.type, amounts(callback.payment)]),
    [
      ['payment.authorised', [1000, 0, 0, 0, 0, 1000]],
      ['payment.captured', [1000, 400, 0, 0, 0, 600]],
    ],
  )
  assert.match(told[0]?.id ?? '', /^pcb_[0-9a-f]{32}$/)
  assert.notEqual(told[0]?.id, told[1]?.id)
})

test('a callback that is answered with an error is sent again until it is taken', async () => {
  receiver.failures = 3
  const payment = await merchant.authorise()
  await until(() => receiver.of(payment).length === 1)
  await until(async () => (await merchant.call<{ waiting: number }>('GET', '/control/callbacks')).body.waiting === 0)
  assert.equal(receiver.of(payment).length, 1)
})

test('card_slow is pending until it is decided, and a duplicate meanwhile is 409', async () => {
  const key = merchant.newKey()
  const since = performance.now()
  const answer = merchant.post('/v1/payments', authorisation('card_slow', 100, { reference: 'ord_slow' }), key)
  await until(async () => (await merchant.list('reference=ord_slow')).body.data[0]?.status === 'pending')
  const duplicate = await problem('/v1/payments', authorisation('card_slow', 100, { reference: 'ord_slow' }), key)
  assert.deepEqual([duplicate.status, duplicate.body.code], [409, 'idempotency_in_progress'])
  assert.equal((await answer).body.status, 'authorised')
  assert.ok(performance.now() - since >= 2_900)
})

test('card_expiring loses what is open after a second, and capturing it is refused', async () => {
  const payment = await merchant.authorise('card_expiring')
  await merchant.post(`/v1/payments/${payment.id}/captures`, { amountMinor: 400 })
  await until(() => receiver.typesOf(payment).includes('payment.expired'))
  const expired = await merchant.find(payment.id)
  assert.deepEqual([expired.status, amounts(expired)], ['expired', [1000, 400, 0, 600, 0, 0]])
  for (const action of ['captures', 'voids']) {
    const { status, body } = await problem(`/v1/payments/${payment.id}/${action}`, { amountMinor: 1 })
    assert.deepEqual([status, body.code], [422, 'authorisation_expired'])
  }
  assert.equal((await merchant.post(`/v1/payments/${payment.id}/refunds`, { amountMinor: 400 })).body.refundedMinor, 400)
})

test('an authorisation is ended by the control call, once', async () => {
  const payment = await merchant.authorise()
  const { body } = await merchant.call('POST', `/control/payments/${payment.id}/expire`)
  assert.deepEqual([body.status, amounts(body)], ['expired', [1000, 0, 0, 1000, 0, 0]])
  assert.equal((await merchant.call('POST', `/control/payments/${payment.id}/expire`)).status, 422)
  assert.deepEqual(await movementsOf(payment), [
    ['authorise', 1000],
    ['expire', 1000],
  ])
})

test('card_timeout_after_success has its effect and no answer at first; the same key learns it', async () => {
  const key = merchant.newKey()
  const signal = AbortSignal.timeout(200)
  await assert.rejects(
    merchant.call('POST', '/v1/payments', authorisation('card_timeout_after_success', 100, { reference: 'ord_silent' }), { key, signal }),
  )
  const { body } = await merchant.list('reference=ord_silent')
  const again = await merchant.post('/v1/payments', authorisation('card_timeout_after_success', 100, { reference: 'ord_silent' }), key)
  assert.deepEqual([again.isReplay, again.body], [true, body.data[0]])
  assert.equal(body.data.length, 1)
})

test('card_error_then_success fails once with 500 and no effect, for each operation', async () => {
  const card = authorisation('card_error_then_success', 100, { reference: 'ord_error' })
  const key = merchant.newKey()
  assert.equal((await merchant.post('/v1/payments', card, key)).status, 500)
  assert.equal((await merchant.list('reference=ord_error')).body.data.length, 0)
  const { status, isReplay, body } = await merchant.post('/v1/payments', card, key)
  assert.deepEqual([status, isReplay, body.status], [200, false, 'authorised'])
  const capture = merchant.newKey()
  assert.equal((await merchant.post(`/v1/payments/${body.id}/captures`, { amountMinor: 1 }, capture)).status, 500)
  assert.equal((await merchant.post(`/v1/payments/${body.id}/captures`, { amountMinor: 1 }, capture)).body.capturedMinor, 1)
})

test('card_duplicate_callback is told twice with one id', async () => {
  const payment = await merchant.authorise('card_duplicate_callback')
  await until(() => receiver.of(payment).length === 2)
  const [one, two] = receiver.of(payment)
  assert.deepEqual(one, two)
})

test('card_callback_first is told before it is answered', async () => {
  const payment = await merchant.authorise('card_callback_first')
  assert.deepEqual(receiver.typesOf(payment), ['payment.authorised'])
})

test('card_callbacks_out_of_order tells of the capture before the authorisation', async () => {
  const payment = await merchant.authorise('card_callbacks_out_of_order')
  await merchant.post(`/v1/payments/${payment.id}/captures`, { amountMinor: 1000 })
  await until(() => receiver.of(payment).length === 2)
  assert.deepEqual(receiver.typesOf(payment), ['payment.captured', 'payment.authorised'])
})

test('3-D Secure: the form confirms without a script, leads back to the shop, and the callback says it', async () => {
  const payment = await merchant.authorise('card_3ds', 12_34, { returnUrl: 'https://shop.test/orders/1?a=b', reference: 'ord_3ds' })
  assert.deepEqual([payment.status, amounts(payment)], ['requires_action', [0, 0, 0, 0, 0, 0]])
  const url = payment.nextAction?.url ?? ''
  const response = await fetch(url)
  const html = await response.text()
  assert.match(html, /€12\.34[^]*<form method="post"[^]*value="confirm">Confirm<[^]*value="refuse">Refuse</)
  assert.match(response.headers.get('content-security-policy') ?? '', /form-action 'self' https:\/\/shop\.test;/)

  const decide = (decision: string) => fetch(url, { method: 'POST', body: new URLSearchParams({ decision }), redirect: 'manual' })
  assert.equal((await decide('maybe')).status, 400)
  const answered = await decide('confirm')
  assert.deepEqual([answered.status, answered.headers.get('location')], [303, 'https://shop.test/orders/1?a=b'])
  await until(() => receiver.typesOf(payment).join() === 'payment.requires_action,payment.authorised')
  await decide('refuse')
  const settled = await merchant.find(payment.id)
  assert.deepEqual([settled.status, settled.nextAction, settled.openMinor], ['authorised', null, 1234])
  assert.match(await (await fetch(url)).text(), /Nothing is left to confirm/)
})

test('3-D Secure: refusing declines, card_3ds_declined declines after confirming, and an unanswered challenge can be ended', async () => {
  const outcome = async (card: string, control: string) => {
    const { id } = await merchant.authorise(card)
    assert.equal((await problem(`/v1/payments/${id}/captures`, { amountMinor: 1 })).body.code, 'not_authorised')
    const { body } = await merchant.call('POST', `/control/payments/${id}/${control}`)
    return [body.status, body.declineCode, body.authorisedMinor]
  }
  assert.deepEqual(await outcome('card_3ds', 'confirm'), ['authorised', null, 1000])
  assert.deepEqual(await outcome('card_3ds', 'refuse'), ['declined', 'authentication_failed', 0])
  assert.deepEqual(await outcome('card_3ds', 'expire'), ['declined', 'authentication_failed', 0])
  assert.deepEqual(await outcome('card_3ds_declined', 'confirm'), ['declined', 'card_declined', 0])
  assert.deepEqual(await outcome('card_3ds_declined', 'refuse'), ['declined', 'authentication_failed', 0])
})

test('faults: every call can be made to fail, to fall silent, to decline or to be told twice, and a seed repeats them', async () => {
  const set = (faults: Record<string, number>) => merchant.call('PUT', '/control/faults', faults)
  await set({ errorPercent: 100 })
  assert.equal((await merchant.post('/v1/payments', authorisation())).status, 500)
  assert.equal((await merchant.list('')).status, 500)
  await set({ timeoutAfterSuccessPercent: 100 })
  const key = merchant.newKey()
  const body = authorisation('card_ok', 100, { reference: 'ord_fault' })
  await assert.rejects(merchant.call('POST', '/v1/payments', body, { key, signal: AbortSignal.timeout(200) }))
  assert.equal((await merchant.post('/v1/payments', body, key)).isReplay, true)
  await set({ declinePercent: 100, duplicateCallbackPercent: 100 })
  const declined = await merchant.authorise()
  assert.equal(declined.status, 'declined')
  await until(() => receiver.typesOf(declined).join() === 'payment.declined,payment.declined')
  const draws = async () => {
    await set({ seed: 7, declinePercent: 50 })
    const drawn = []
    for (let n = 0; n < 12; n++) drawn.push((await merchant.authorise()).status)
    return drawn.join()
  }
  const drawn = await draws()
  assert.equal(drawn, await draws())
  assert.match(drawn, /authorised/)
  assert.match(drawn, /declined/)
  assert.equal((await set({ errorPercent: 101 })).status, 400)
  assert.equal((await set({ colour: 1 })).status, 400)
})

test('the ledger takes no change and no removal, whoever asks', async () => {
  await merchant.authorise()
  const other = new DatabaseSync(join(folder, 'psp.sqlite'))
  assert.throws(() => other.exec('UPDATE ledger SET amount = 1'), /append-only/)
  assert.throws(() => other.exec('DELETE FROM ledger'), /append-only/)
  other.close()
})

test('the page shows payments with their movements', async () => {
  const { id } = await merchant.authorise('card_ok', 98_76, { reference: 'ord_page' })
  await merchant.post(`/v1/payments/${id}/captures`, { amountMinor: 1234 })
  const html = await (await fetch(merchant.url)).text()
  assert.match(html, /€98\.76[^]*ord_page · card_ok[^]*Authorised[^]*€98\.76[^]*Captured[^]*€12\.34/)
})
