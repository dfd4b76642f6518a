import PostalMime from 'postal-mime'

/** One mail as it was delivered to one mailbox of this machine: the wire shape of the API and of the kept files. */
export interface Message {
  /** Sorts by arrival. */
  readonly id: string
  readonly from: string
  /** The recipients of the envelope, so blind copies too. */
  readonly to: readonly string[]
  readonly subject: string
  readonly receivedAt: string
  readonly text: string
  readonly html?: string
  /** Every http(s) link of both parts, in order, each once. */
  readonly links: readonly string[]
}

export type Mail = Omit<Message, 'id' | 'receivedAt'>

const ENTITIES: Record<string, string> = { amp: '&', quot: '"', lt: '<', gt: '>', '#39': "'", '#x27': "'" }
const decode = (text: string) =>
  text.replace(/&(amp|quot|lt|gt|#39|#x27);/gi, (whole, name: string) => ENTITIES[name.toLowerCase()] ?? whole)

/** Cuts a text into what is a web link and what is not; the odd pieces are links. A closing full stop or bracket belongs to the sentence. */
export const splitLinks = (text: string): string[] => text.split(/(\bhttps?:\/\/[^\s<>"'`]*[^\s<>"'`.,;:!?)\]}])/i)

const linksIn = (text: string) => splitLinks(text).filter((_, index) => index % 2 === 1)
const hrefsIn = (html: string) =>
  [...html.matchAll(/\bhref\s*=\s*(?:"([^"]*)"|'([^']*)')/gi)]
    .map(([, double, single]) => decode(double ?? single ?? '').trim())
    .filter((href) => /^https?:\/\//i.test(href))

/** Reads a raw mail (RFC 5322, MIME). Attachments are not kept. */
export async function parseMail(raw: Buffer, envelope: { from: string; to: readonly string[] }): Promise<Mail> {
  const { from, subject = '', text = '', html } = await PostalMime.parse(raw)
  const sender = from?.address ? (from.name ? `${from.name} <${from.address}>` : from.address) : envelope.from
  const links = [...new Set([...linksIn(text), ...hrefsIn(html ?? '')])]
  return { from: sender, to: envelope.to, subject, text, ...(html !== undefined && { html }), links }
}
