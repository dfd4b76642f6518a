import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { ID_PREFIXES, isId, newId, type ApiKeyId } from './ids.js'

/** `live` opens a production system, `test` any other. */
export const API_KEY_MODES = ['live', 'test'] as const
export type ApiKeyMode = (typeof API_KEY_MODES)[number]

/** An API key, taken apart. `secret` is what only its holder knows. */
export interface ApiKey {
  readonly mode: ApiKeyMode
  readonly id: ApiKeyId
  readonly secret: string
}

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const SECRET_LENGTH = 43
const CHECKSUM_LENGTH = 6

/** What a secret scanner looks for; only `parseApiKey` tells whether a find is a key or looks like one. */
export const API_KEY_PATTERN = /\bcat_(live|test)_([0-7][0-9a-hjkmnp-tv-z]{25})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})\b/

/** 43 characters of 62: 256 bits. Bytes past the last whole multiple of 62 are thrown away, so that each character is equally likely. */
const newSecret = (): string => {
  let text = ''
  while (text.length < SECRET_LENGTH) for (const byte of randomBytes(64)) if (byte < 248) text += DIGITS.charAt(byte % 62)
  return text.slice(0, SECRET_LENGTH)
}

/** CRC-32 of all that stands before it, in base 62: tells a mistyped key from an unknown one, and a key from a look-alike, without a look-up. */
const checksumOf = (text: string): string => {
  let rest = crc32(text)
  let digits = ''
  for (; digits.length < CHECKSUM_LENGTH; rest = Math.floor(rest / 62)) digits = DIGITS.charAt(rest % 62) + digits
  return digits
}

/** What tells one key from another to people, and opens nothing: `cat_test_01k…`, the part of its text before the secret. */
export const apiKeyPrefix = (mode: ApiKeyMode, id: ApiKeyId): string => `cat_${mode}_${id.slice(ID_PREFIXES.apiKey.length + 1)}`

/** The text of a key: `cat_test_01k…_<secret><checksum>`. */
export const apiKeyText = ({ mode, id, secret }: ApiKey): string => {
  const text = `${apiKeyPrefix(mode, id)}_${secret}`
  return text + checksumOf(text)
}

/** A new key and its text, which is shown once. */
export const newApiKey = (mode: ApiKeyMode): ApiKey & { readonly text: string } => {
  const key: ApiKey = { mode, id: newId('apiKey'), secret: newSecret() }
  return { ...key, text: apiKeyText(key) }
}

/** Whether a bearer credential claims to be an API key. */
export const isApiKey = (credential: string): boolean => credential.startsWith('cat_')

/** Takes a key apart; undefined for a text that was mistyped or is no key. */
export const parseApiKey = (text: string): ApiKey | undefined => {
  const match = API_KEY_PATTERN.exec(text)
  if (match === null || match[0] !== text || checksumOf(text.slice(0, -CHECKSUM_LENGTH)) !== match[4]) return undefined
  const [, mode, suffix, secret] = match as unknown as [string, ApiKeyMode, string, string]
  const id = `${ID_PREFIXES.apiKey}_${suffix}`
  return isId('apiKey', id) ? { mode, id, secret } : undefined
}
