import { isIPv6 } from 'node:net'
import { ID_PREFIXES, type Plan } from '@catamaran/contracts'
import { contextOf, type Claims } from '@catamaran/platform'
import type { FastifyRequest } from 'fastify'
import type { Counted } from './rate-limiter.js'

/** Whether a token is a partner's own: an API key's or an OAuth client's, not that of a person who is a member. */
export const isPartner = ({ sub }: Claims): boolean => sub.startsWith(`${ID_PREFIXES.partner}_`)

/**
 * Whom a request counts for: the verified token's subject, a partner by its plan, else the client's address; signing in always the address. A plan
 * that is not known (auth-service never told it) leaves a partner with the limit of any caller.
 */
export const countedFor = (request: FastifyRequest, isSignIn: boolean, planOf: (id: string | undefined) => Plan | undefined): Counted => {
  if (isSignIn) return { limit: 'sign-in', who: networkOf(request.ip) }
  const { caller } = contextOf(request)
  if (caller === undefined) return { limit: 'anonymous', who: networkOf(request.ip) }
  return { limit: (isPartner(caller) ? planOf(caller.plan) : undefined) ?? 'caller', who: caller.sub }
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
