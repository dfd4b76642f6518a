import { CALLS, type ServiceName } from '@catamaran/contracts'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../config.js'
import type { RouteNames } from '../usage/route-names.js'
import type { Forwarder } from './forwarder.js'

/** How requests to one path of the call table are forwarded. */
export interface RouteRule {
  readonly upstream: ServiceName
  readonly maxBodyBytes: number
  /** Until the first byte of the answer. */
  readonly deadlineMs: number
  /** Whether what is posted here tries a secret or makes an account, and so has the lower limit. */
  readonly isSignIn: boolean
  /** Whether a long body is expected, which is passed on as it comes, on connections of its own. */
  readonly isUpload: boolean
}

const MAX_IMPORT_BYTES = 1024 ** 3

/** Paths that differ from the configured defaults. */
const EXCEPTIONS: Readonly<Record<string, Partial<RouteRule>>> = {
  '/v1/users': { isSignIn: true },
  '/v1/users/*': { isSignIn: true },
  '/account/*': { isSignIn: true },
  // It is answered from the first line on, which a client may take its time for.
  '/v1/partner/products/import': { isUpload: true, maxBodyBytes: MAX_IMPORT_BYTES, deadlineMs: 60_000 },
}

/** No body is parsed in this part of the gateway, whatever it calls itself. */
export const leaveBodiesUnread = (fastify: FastifyInstance): void => {
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null))
}

/** Registers every path that the call table lets the gateway call. Bodies are left unread: they flow through. */
export const forwardingRoutes =
  (forwarder: Forwarder, names: RouteNames, { forwarding }: Config) =>
  (fastify: FastifyInstance, _options: unknown, done: () => void): void => {
    leaveBodiesUnread(fastify)
    for (const { to, methods, paths } of CALLS.filter(({ from, isForwarded }) => from === 'api-gateway' && isForwarded)) {
      for (const url of paths) {
        const rule: RouteRule = { upstream: to, isSignIn: false, isUpload: false, ...forwarding, ...EXCEPTIONS[url] }
        fastify.route({
          method: [...methods],
          url,
          exposeHeadRoute: false,
          config: { access: { scope: null }, nameOf: ({ method, url: target }) => names.pathOf(method, target) },
          handler: (request, reply) => forwarder.forward(request, reply, rule),
        })
      }
    }
    done()
  }
