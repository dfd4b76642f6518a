import { isIPv6 } from 'node:net'
import { contextOf } from '@catamaran/platform'
import type { FastifyRequest } from 'fastify'
import type { LimitName } from './rate-limiter.js'

/** Where a request counts. */
export interface Counted {
  readonly limit: LimitName
  readonly who: string
}

/** Whom a request counts for: the verified token's subject, else the client's address; signing in always the address. */
export const countedFor = (request: FastifyRequest, isSignIn: boolean): Counted => {
  if (isSignIn) return { limit: 'sign-in', who: networkOf(request.ip) }
  const { caller } = contextOf(request)
  return caller === undefined ? { limit: 'anonymous', who: networkOf(request.ip) } : { limit: 'caller', who: caller.sub }
}

/** An address as a limit sees it: IPv4 whole, IPv6 by its /64, since whoever has one address there has them all. */
export const networkOf = (address: string): string => {
  if (!isIPv6(address)) return address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped !== null) return mapped[1] as string
  const [head = '', tail] = (address.split('%')[0] as string).toLowerCase().split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0')
  const groups = [...before, ...zeros, ...after].slice(0, 4)
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}
