import { parseTypeId, toUUIDBytes } from 'typeid-js'
import { v7 } from 'uuid'
import { z } from 'zod'

/** Every kind of id and its prefix. The prefix tells a reader, a log line and a support ticket what the id names. */
export const ID_PREFIXES = {
  user: 'usr',
  client: 'cli',
  seller: 'sel',
  product: 'prd',
  cart: 'crt',
  order: 'ord',
  event: 'evt',
  notification: 'ntf',
  request: 'req',
  partner: 'ptr',
  invitation: 'inv',
  apiKey: 'key',
  passkey: 'psk',
  export: 'exp',
  fulfilment: 'ful',
  return: 'rtn',
  paymentOperation: 'pop',
  webhookEndpoint: 'whe',
  webhookDelivery: 'whd',
  import: 'imp',
  deadLetter: 'dlt',
} as const

export type IdKind = keyof typeof ID_PREFIXES

/** A checked TypeID of one kind: `ord_01k…`, a prefixed, base32-encoded UUIDv7 (source: TypeID specification 0.3). */
export type Id<K extends IdKind> = string & { readonly __id: K }
export type UserId = Id<'user'>
export type PartnerId = Id<'partner'>
export type ApiKeyId = Id<'apiKey'>
export type SellerId = Id<'seller'>
export type ProductId = Id<'product'>
export type CartId = Id<'cart'>
export type OrderId = Id<'order'>
export type FulfilmentId = Id<'fulfilment'>
export type ReturnId = Id<'return'>

/** A new id, sortable by its time of making. Example: `newId('order')` → `ord_01k…`. */
export const newId = <K extends IdKind>(kind: K): Id<K> => idOf(kind, v7())

/** The UUID inside an id, which is what the database keeps. Any 128 bits will do: a caller may send an id that nobody made. */
export const uuidOf = (id: Id<IdKind>): string => {
  const hex = Buffer.from(toUUIDBytes(id as never)).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** The id that shows a UUID of the database to the outside. */
export const idOf = <K extends IdKind>(kind: K, uuid: string): Id<K> => `${ID_PREFIXES[kind]}_${suffixOf(uuid)}` as string as Id<K>

const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz'

/** The top bits of a 32-bit word from `shift` on, five at a time, as base32 digits. */
const digits = (word: number, shift: number): string => {
  let text = ''
  for (let at = shift; at >= 0; at -= 5) text += DIGITS.charAt((word >>> at) & 31)
  return text
}

/** The 128 bits of a UUID in base32: 26 digits, the first of three bits. typeid-js takes three times as long, and the relay feels it. */
const suffixOf = (uuid: string): string => {
  const a = Number.parseInt(uuid.slice(0, 8), 16)
  const b = Number.parseInt(uuid.slice(9, 13) + uuid.slice(14, 18), 16)
  const c = Number.parseInt(uuid.slice(19, 23) + uuid.slice(24, 28), 16)
  const d = Number.parseInt(uuid.slice(28), 16)
  return (
    DIGITS.charAt(a >>> 29) +
    digits(a, 24) +
    DIGITS.charAt(((a & 15) << 1) | (b >>> 31)) +
    digits(b, 26) +
    DIGITS.charAt(((b & 1) << 4) | (c >>> 28)) +
    digits(c, 23) +
    DIGITS.charAt(((c & 7) << 2) | (d >>> 30)) +
    digits(d, 25)
  )
}

/** Whether a text is a well-formed id of the kind. */
export const isId = <K extends IdKind>(kind: K, text: string): text is Id<K> => {
  try {
    return (
      parseTypeId(text as never).prefix === ID_PREFIXES[kind] && /^[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(text.slice(text.lastIndexOf('_') + 1))
    )
  } catch {
    return false
  }
}

/** The zod schema of an id of one kind, for wire types. */
export const idSchema = <K extends IdKind>(kind: K) =>
  z
    .string()
    .refine((text): text is Id<K> => isId(kind, text), { message: `expected an id that starts with ${ID_PREFIXES[kind]}_` })
    .meta({ pattern: `^${ID_PREFIXES[kind]}_[0-7][0-9a-hjkmnp-tv-z]{25}$`, example: `${ID_PREFIXES[kind]}_01k2m3n4p5q6r7s8t9v0w1x2y3` })
