import { callScope, rulesFor, type ServiceName } from '@catamaran/contracts'
import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify'
import type { RequestContext } from './context.js'
import { AppError } from './errors.js'
import type { Claims, TokenVerifier } from './tokens.js'

export interface GuardOptions {
  service: ServiceName
  verifier: TokenVerifier
  contextOf: (request: FastifyRequest) => RequestContext
}

/** The value of a Bearer header (RFC 6750), or undefined when there is none. */
export const bearerOf = (header: string | undefined): string | undefined => {
  if (header === undefined) return undefined
  if (!/^bearer [\x21-\x7e]+$/i.test(header))
    throw new AppError('auth.token-invalid', { detail: 'Send Authorization: Bearer with an access token.' })
  return header.slice(7)
}

const pathOf = (url: string): string => {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}

/**
 * Guards every route of a service with one hook: inner services check the calling service against the call table, and each route's
 * declared access against the caller's token. Everything a service has seen lately is answered without a promise.
 * @throws Error at start-up for a route that declares no access
 */
export const registerGuard = (fastify: FastifyInstance, { service, verifier, contextOf }: GuardOptions): void => {
  const isDoor = service === 'api-gateway'

  fastify.addHook('onRoute', (route) => {
    if (route.config?.access === undefined)
      throw new Error(`${String(route.method)} ${route.url} declares no access: add @Requires(scope) or @Anonymous()`)
  })

  const checkService = (request: FastifyRequest, claims: Claims): void => {
    const allowed = rulesFor(service, request.method, pathOf(request.url)).some(
      (rule) => rule.from === claims.clientId || rule.from === '*',
    )
    if (!allowed || !claims.scopes.has(callScope(service))) throw new AppError('auth.caller-not-allowed')
    contextOf(request).service = claims.clientId
  }
  const checkCaller = (request: FastifyRequest, claims: Claims): void => {
    contextOf(request).caller = claims
    const scope = request.routeOptions.config.access?.scope
    if (scope !== undefined && scope !== null && !claims.scopes.has(scope)) {
      throw new AppError('auth.scope-missing', { detail: `The access token lacks the scope ${scope}.` })
    }
  }

  /** Runs a check now when the claims are remembered, else when they are verified. */
  const then = (claims: Claims | Promise<Claims>, check: (claims: Claims) => void): undefined | Promise<void> => {
    if (claims instanceof Promise) return claims.then(check)
    check(claims)
    return undefined
  }
  const authoriseService = (request: FastifyRequest): undefined | Promise<void> => {
    if (isDoor || rulesFor(service, request.method, pathOf(request.url)).some((rule) => !rule.serviceToken)) return undefined
    const token = request.headers['x-service-token']
    if (typeof token !== 'string')
      throw new AppError('auth.caller-not-allowed', { detail: 'X-Service-Token is missing: call the gateway.' })
    return then(verifier.verify(token), (claims) => checkService(request, claims))
  }
  const authoriseCaller = (request: FastifyRequest): undefined | Promise<void> => {
    const { scope } = request.routeOptions.config.access ?? { scope: null }
    // Nothing but access tokens is judged here: OIDC's own endpoints read their Authorization header themselves.
    if (scope === null && request.routeOptions.url?.startsWith('/oidc') === true) return undefined
    const token = bearerOf(request.headers.authorization)
    if (token !== undefined) return then(verifier.verify(token), (claims) => checkCaller(request, claims))
    if (scope !== null) throw new AppError('auth.token-missing')
    return undefined
  }

  const onRequest: onRequestHookHandler = (request, _reply, done) => {
    if (request.is404) return done()
    try {
      const pending = authoriseService(request)
      const rest = pending === undefined ? authoriseCaller(request) : pending.then(() => authoriseCaller(request))
      if (rest === undefined) return done()
      rest.then(() => done(), done)
    } catch (error) {
      done(error as Error)
    }
  }
  fastify.addHook('onRequest', onRequest)
}
