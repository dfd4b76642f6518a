import { idOf, type MailLanguage, type Money, type NotificationType, type OrderForMail } from '@catamaran/contracts'
import { DE } from './mail-texts.de.js'
import { EN } from './mail-texts.en.js'

/** A mail as it is sent. */
export interface MailText {
  readonly subject: string
  readonly text: string
  readonly html: string
}

/** What a template is given: everything is text already. */
export interface MailFacts {
  readonly orderId: string
  readonly total: string
  /** Of what the mail is about: a refund. */
  readonly amount: string
  readonly cancelReason: string
  readonly carrier: string
  readonly trackingNumber: string
}

/** A mail's words: the subject and what is said, a paragraph each. An empty paragraph is left out. */
export interface Words {
  readonly subject: string
  readonly paragraphs: readonly string[]
}
export interface Templates {
  readonly greeting: string
  readonly closing: string
  readonly lines: { readonly shipping: string; readonly total: string; readonly confirm: string }
  readonly kinds: Readonly<Record<NotificationType, (facts: MailFacts) => Words>>
}

const TEMPLATES: Readonly<Record<MailLanguage, Templates>> = { en: EN, de: DE }

/** The kinds that list what was ordered. */
const WITH_LINES: readonly NotificationType[] = ['order_placed', 'order_confirmed']

const moneyIn =
  (language: MailLanguage) =>
  ({ amountMinor, currency }: Money): string => {
    const format = new Intl.NumberFormat(language, { style: 'currency', currency })
    return format.format(amountMinor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2))
  }

/**
 * The mail of a kind, in the buyer's language; undefined when there is nothing to tell any more: a payment that needs no confirmation by now, a
 * part or return that is not there.
 */
export const mailTextOf = (
  { kind, partId, amountMinor }: { kind: NotificationType; partId: string | null; amountMinor: number | null },
  order: OrderForMail,
): MailText | undefined => {
  const { language } = order
  const templates = TEMPLATES[language]
  const money = moneyIn(language)
  const part = partId === null ? undefined : order.fulfilments.find(({ id }) => id === idOf('fulfilment', partId))
  const returned = partId === null ? undefined : order.returns.find(({ id }) => id === idOf('return', partId))
  const isGone =
    (kind === 'order_shipped' && part === undefined) ||
    (kind === 'return_accepted' && returned === undefined) ||
    (kind === 'payment_action_required' && order.actionUrl === null)
  if (isGone) return undefined
  const { subject, paragraphs } = templates.kinds[kind]({
    ...{ orderId: order.id, total: money(order.total), cancelReason: order.cancelReason ?? '' },
    amount: amountMinor === null ? (returned ? money(returned.refund) : '') : money({ amountMinor, currency: order.total.currency }),
    ...{ carrier: part?.carrier ?? '', trackingNumber: part?.trackingNumber ?? '' },
  })
  const lines = WITH_LINES.includes(kind)
    ? [
        ...order.lines.map(({ quantity, name, unitPrice }) => `${quantity} × ${name}, ${money(unitPrice)}`),
        `${templates.lines.shipping}: ${money(order.shipping)}`,
        `${templates.lines.total}: ${money(order.total)}`,
      ]
    : []
  const link = kind === 'payment_action_required' ? order.actionUrl : null
  const said = [templates.greeting, ...paragraphs.filter((paragraph) => paragraph !== '')]
  return {
    subject,
    text: `${[...said, ...(link === null ? [] : [link]), ...(lines.length === 0 ? [] : [lines.join('\n')]), templates.closing].join('\n\n')}\n`,
    html: htmlOf(language, subject, { said, link, linkText: templates.lines.confirm, lines, closing: templates.closing }),
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
/** Names of products and carriers were typed by people. */
const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '')

interface Parts {
  readonly said: readonly string[]
  readonly link: string | null
  readonly linkText: string
  readonly lines: readonly string[]
  readonly closing: string
}

const htmlOf = (language: MailLanguage, subject: string, { said, link, linkText, lines, closing }: Parts): string => {
  const paragraph = (text: string): string => `<p>${escaped(text)}</p>`
  return [
    `<!doctype html><html lang="${language}"><head><meta charset="utf-8"><title>${escaped(subject)}</title></head><body>`,
    ...said.map(paragraph),
    // Only what is an address of the web becomes a link.
    ...(link !== null && /^https?:\/\//.test(link) ? [`<p><a href="${escaped(link)}">${escaped(linkText)}</a></p>`] : []),
    ...(lines.length === 0 ? [] : [`<ul>${lines.map((line) => `<li>${escaped(line)}</li>`).join('')}</ul>`]),
    paragraph(closing),
    '</body></html>',
  ].join('\n')
}
