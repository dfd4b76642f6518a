import { createHmac } from 'node:crypto'

/** Who asked for a mail, for limits: a network as a keyed hash. */
export type MailSource = string | undefined

/** The network of an address: an IPv6 customer has a /64 at least, IPv4 written as IPv6 is IPv4. */
export const networkOf = (address: string): string => {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address
  const [head = '', tail = ''] = address.toLowerCase().split('::')
  const [before, after] = [head, tail].map((part) => part.split(':').filter((group) => group !== '')) as [string[], string[]]
  const gap = address.includes('::') ? Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0') : []
  return [...before, ...gap, ...after].slice(0, 4).join(':')
}

/** The source of a request from an address. `key` is a secret: a plain hash of so few addresses could be looked up. */
export const sourceOf = (address: string, key: string): MailSource =>
  createHmac('sha256', key)
    .update(`mail from ${networkOf(address)}`)
    .digest('base64url')
    .slice(0, 22)
