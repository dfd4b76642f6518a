import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BUYER_EVENTS, MailLanguage, newId, uuidOf, type OrderForMail } from '@catamaran/contracts'
import { mailTextOf } from './mail-texts.js'

const [part, returned] = [newId('fulfilment'), newId('return')]
const money = (amountMinor: number) => ({ amountMinor, currency: 'EUR' as const })
const order: OrderForMail = {
  ...{ id: newId('order'), buyerId: newId('user'), email: 'a@example.org', language: 'en', cancelReason: 'seller' },
  lines: [{ name: '<b>Lamp</b> & "shade"', quantity: 2, unitPrice: money(150_000) }],
  ...{ shipping: money(495), total: money(300_495), actionUrl: 'https://bank.example/confirm?a=1&b=2' },
  fulfilments: [{ id: part, carrier: 'PostNL', trackingNumber: '3SABC' }],
  returns: [{ id: returned, refund: money(150_000) }],
}
const KINDS = Object.values(BUYER_EVENTS)
const partOf = (kind: string): string | null =>
  kind === 'order_shipped' ? uuidOf(part) : kind.startsWith('return') ? uuidOf(returned) : null
const textOf = (kind: (typeof KINDS)[number], changed: Partial<OrderForMail> = {}) =>
  mailTextOf({ kind, partId: partOf(kind), amountMinor: kind === 'refunded' ? 4200 : null }, { ...order, ...changed })

test('every kind has words of its own in every language, and names its order', () => {
  const mails = MailLanguage.options.flatMap((language) => KINDS.map((kind) => textOf(kind, { language })))
  assert.equal(new Set(mails.map((mail) => mail?.subject)).size, KINDS.length * MailLanguage.options.length)
  for (const mail of mails) for (const body of [mail?.text, mail?.html]) assert.ok(body?.includes(order.id))
})

test('money, reasons, refunds and tracking are told as the language writes them', () => {
  assert.match(textOf('order_placed')?.text ?? '', /2 × <b>Lamp<\/b> & "shade", €1,500\.00\nShipping: €4\.95\nTotal: €3,004\.95/)
  assert.match(textOf('order_placed', { language: 'de' })?.text ?? '', /Summe: 3\.004,95\s€/)
  assert.match(textOf('order_shipped')?.text ?? '', /with PostNL\.\n\nTracking number: 3SABC/)
  assert.match(textOf('return_accepted')?.text ?? '', /€1,500\.00 will be paid back/)
  assert.match(textOf('refunded', { language: 'de' })?.text ?? '', /42,00\s€ aus/)
  const reasons = ['hold_expired', 'payment_declined', 'buyer', 'seller'].map((cancelReason) => textOf('order_cancelled', { cancelReason }))
  assert.equal(new Set(reasons.map((mail) => mail?.text)).size, 4)
})

test('what people typed is text in HTML, and only an address of the web is a link', () => {
  const { html = '' } = textOf('order_placed') ?? {}
  assert.ok(html.includes('&lt;b&gt;Lamp&lt;/b&gt; &amp; &quot;shade&quot;') && !html.includes('<b>'))
  assert.ok(textOf('payment_action_required')?.html.includes('href="https://bank.example/confirm?a=1&amp;b=2"'))
  assert.ok(!textOf('payment_action_required', { actionUrl: 'javascript:alert(1)' })?.html.includes('href'))
})

test('there is no mail about what is no longer so', () => {
  assert.equal(textOf('payment_action_required', { actionUrl: null }), undefined)
  assert.equal(textOf('order_shipped', { fulfilments: [] }), undefined)
  assert.equal(textOf('return_accepted', { returns: [] }), undefined)
})
