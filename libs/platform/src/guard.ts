import { callScope, CALLS, matchesCall, type CallRule, type ServiceName } from '@catamaran/contracts'
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

/** Runs a check now when the claims are remembered, else when they are verified. */
const check = (claims: Claims | Promise<Claims>, judge: (claims: Claims) => void): undefined | Promise<void> => {
  if (claims instanceof Promise) return claims.then(judge)
  judge(claims)
  return undefined
}

/** Judges each request twice: the calling service by the call table, the caller by what the route asks for. */
class Guard {
  private readonly rules: readonly CallRule[]
  private readonly scope: string

  constructor(private readonly options: GuardOptions) {
    this.rules = CALLS.filter(({ to }) => to === options.service)
    this.scope = callScope(options.service)
  }

  /** Undefined when all is settled, which it is without a promise for tokens that were seen lately. @throws AppError auth.* */
  authorise(request: FastifyRequest): undefined | Promise<void> {
    const pending = this.options.service === 'api-gateway' ? undefined : this.authoriseService(request)
    return pending === undefined ? this.authoriseCaller(request) : pending.then(() => this.authoriseCaller(request))
  }

  private authoriseService(request: FastifyRequest): undefined | Promise<void> {
    const path = pathOf(request.url)
    const rules = this.rules.filter((rule) => matchesCall(rule, request.method, path))
    if (rules.some(({ serviceToken }) => !serviceToken)) return undefined
    const token = request.headers['x-service-token']
    if (typeof token !== 'string')
      throw new AppError('auth.caller-not-allowed', { detail: 'X-Service-Token is missing: call the gateway.' })
    return check(this.options.verifier.verify(token), (claims) => {
      const isNamed = rules.some(({ from }) => from === claims.clientId || from === '*')
      if (!isNamed || !claims.scopes.has(this.scope)) throw new AppError('auth.caller-not-allowed')
      this.options.contextOf(request).service = claims.clientId
    })
  }

  private authoriseCaller(request: FastifyRequest): undefined | Promise<void> {
    const { scope } = request.routeOptions.config.access ?? { scope: null }
    // Nothing but access tokens is judged here: OIDC's own endpoints read their Authorization header themselves.
    if (scope === null && request.routeOptions.url?.startsWith('/oidc') === true) return undefined
    const token = bearerOf(request.headers.authorization)
    if (token === undefined && scope !== null) throw new AppError('auth.token-missing')
    if (token === undefined) return undefined
    return check(this.options.verifier.verify(token), (claims) => {
      this.options.contextOf(request).caller = claims
      if (scope !== null && !claims.scopes.has(scope)) {
        throw new AppError('auth.scope-missing', { detail: `The access token lacks the scope ${scope}.` })
      }
    })
  }
}

/**
 * Guards every route of a service with one hook: inner services check the calling service against the call table, and each route's
 * declared access against the caller's token.
 * @throws Error at start-up for a route that declares no access
 */
export const registerGuard = (fastify: FastifyInstance, options: GuardOptions): void => {
  const guard = new Guard(options)
  fastify.addHook('onRoute', (route) => {
    if (route.config?.access === undefined)
      throw new Error(`${String(route.method)} ${route.url} declares no access: add @Requires(scope) or @Anonymous()`)
  })
  const onRequest: onRequestHookHandler = (request, _reply, done) => {
    if (request.is404) return done()
    try {
      const pending = guard.authorise(request)
      if (pending === undefined) return done()
      pending.then(() => done(), done)
    } catch (error) {
      done(error as Error)
    }
  }
  fastify.addHook('onRequest', onRequest)
}
