import { findCard } from './cards.js'
import type { Movement, Row } from './payment.js'

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escape = (text: string) => text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character)

/** An amount of minor units in its currency: all that this provider takes have cents. */
const money = (minor: number, currency: string) => new Intl.NumberFormat('en-GB', { style: 'currency', currency }).format(minor / 100)
const time = (iso: string) => `<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)}</time>`
const STATUS = {
  authorised: 'Authorised',
  requires_action: 'Waits for the cardholder',
  declined: 'Declined',
  expired: 'Expired',
  pending: 'Pending',
}
const KINDS = { authorise: 'Authorised', capture: 'Captured', void: 'Voided', expire: 'Expired', refund: 'Refunded' }

const layout = (title: string, main: string, scripts = '') => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)} · Sandbox payments</title>
<link rel="stylesheet" href="/styles.css">
<link rel="icon" href="data:,">
${scripts}</head>
<body>
<header>
<a href="/"><svg viewBox="0 0 32 32" aria-hidden="true"><path d="M4 6h24a2 2 0 0 1 2 2v3H2V8a2 2 0 0 1 2-2zM2 14h28v10a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2zm4 6v2h7v-2z"/></svg>Sandbox payments</a>
<p>A card processor that moves no money.</p>
</header>
<main>
${main}
</main>
</body>
</html>
`

const movement = ({ kind, amountMinor, currency, createdAt }: Movement) =>
  `<li><span>${KINDS[kind]}</span><span class="amount">${money(amountMinor, currency)}</span>${`<time datetime="${createdAt}">${createdAt.slice(11, 19)}</time>`}</li>`

function payment({ row, movements }: Shown): string {
  const moved = movements.length > 0 ? `<ol class="movements">${movements.map(movement).join('')}</ol>` : ''
  const status = row.status === 'requires_action' ? `<a href="/challenges/${row.id}">${STATUS[row.status]}</a>` : STATUS[row.status]
  const reason = row.decline_code === null ? '' : ` (${row.decline_code.replaceAll('_', ' ')})`
  return `<li><div class="payment"><strong>${money(row.amount, row.currency)}</strong><span class="status ${row.status}">${status}${reason}</span>
<span class="quiet">${escape(row.reference)} · ${escape(row.card)}</span>${time(new Date(row.created_at).toISOString())}</div>${moved}</li>`
}

export interface Shown {
  readonly row: Row
  readonly movements: readonly Movement[]
}

/** The last payments with what moved. @param shown newest first */
export function listPage(shown: readonly Shown[]): string {
  const list = shown.length
    ? `<ol>${shown.map(payment).join('\n')}</ol>`
    : '<p class="empty"><strong>No payment yet</strong>Place an order and its authorisation appears here.</p>'
  const count = shown.length === 1 ? 'The last one' : `The last ${shown.length}`
  return layout(
    'Payments',
    `<div class="bar"><h1>Payments</h1><p id="count" role="status">${shown.length === 0 ? '' : `${count}, times in UTC`}</p></div>
<div id="list" class="sheet">${list}</div>`,
    '<script src="/list.js" type="module"></script>\n',
  )
}

/** Where the cardholder confirms or refuses. Plain forms, so it works without scripts. */
export function challengePage(row: Row): string {
  const hint = findCard(row.card)?.decline ? '<p class="quiet">This test card is declined even after you confirm.</p>\n' : ''
  return layout(
    'Confirm the payment',
    `<div class="sheet challenge"><h1>Is this payment yours?</h1>
<p class="quiet">Your bank asks before it pays for ${escape(row.reference)}.</p>
<p class="sum">${money(row.amount, row.currency)}</p>
${hint}<form method="post" class="buttons"><button name="decision" value="confirm">Confirm</button><button name="decision" value="refuse">Refuse</button></form></div>`,
  )
}

export function answeredPage(row: Row): string {
  const back = row.return_url === null ? '' : `<p><a href="${escape(row.return_url)}">Back to the shop</a></p>`
  return layout(
    'Payment',
    `<div class="sheet challenge"><h1>${STATUS[row.status]}</h1>
<p class="sum">${money(row.amount, row.currency)}</p><p class="quiet">Nothing is left to confirm. You may close this page.</p>${back}</div>`,
  )
}

export const notFoundPage = () => layout('Not found', '<h1>No such page</h1>\n<p><a href="/">See all payments</a></p>')
