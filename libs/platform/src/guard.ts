import { ACR, callScope, CALLS, matchesCall, type CallRule, type ServiceName } from '@catamaran/contracts'
import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify'
import type { Access } from './access.js'
import type { RequestContext } from './context.js'
import { AppError } from './errors.js'
import type { Claims, TokenVerifier } from './tokens.js'

/** What the public door does with credentials besides verifying tokens. Each may throw an AppError, which refuses the request. */
export interface Door {
  /** The access token that a bearer credential stands for: an API key's, or the token itself. */
  tokenFor(bearer: string, request: FastifyRequest): string | Promise<string>
  /** Judges a caller whose token is valid: revocations, addresses. */
  admit(caller: Claims, request: FastifyRequest): void
  /** Hears of each credential that was refused, and why. */
  refused(error: unknown, request: FastifyRequest): void
}

export interface GuardOptions {
  service: ServiceName
  verifier: TokenVerifier
  contextOf: (request: FastifyRequest) => RequestContext
  /** The wall clock in epoch milliseconds, for how fresh a sign-in is. Default: the machine's. */
  now?: (() => number) | undefined
  /** Whether the service enforces the roles that its routes declare; where it does not, a route with one does not start. Default false. */
  checksRoles?: boolean | undefined
  /** Undefined for an inner service. Asked for at each request, since it is made after the guard. */
  door?: (() => Door | undefined) | undefined
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
    const access = request.routeOptions.config.access ?? { scope: null }
    // Nothing but access tokens is judged here: OIDC's own endpoints read their Authorization header themselves.
    if (access.scope === null && request.routeOptions.url?.startsWith('/oidc') === true) return undefined
    const bearer = bearerOf(request.headers.authorization)
    if (bearer === undefined && access.scope !== null) throw new AppError('auth.token-missing')
    if (bearer === undefined) return undefined
    const door = this.options.door?.()
    if (door === undefined) return this.judge(request, bearer, access)
    const refuse = (error: unknown): never => {
      door.refused(error, request)
      throw error
    }
    const judge = (token: string): undefined | Promise<void> => {
      // What goes on to inner services is the token, where the caller brought something that stands for one.
      if (token !== bearer) this.options.contextOf(request).authorization = request.headers.authorization = `Bearer ${token}`
      return this.judge(request, token, access, door)
    }
    try {
      const token = door.tokenFor(bearer, request)
      const pending = token instanceof Promise ? token.then(judge) : judge(token)
      return pending?.catch(refuse)
    } catch (error) {
      return refuse(error)
    }
  }

  private judge(request: FastifyRequest, token: string, access: Access, door?: Door): undefined | Promise<void> {
    return check(this.options.verifier.verify(token), (caller) => {
      this.options.contextOf(request).caller = caller
      door?.admit(caller, request)
      if (access.scope !== null) this.requireAccess(caller, access)
    })
  }

  private requireAccess(caller: Claims, { scope, freshS }: Exclude<Access, { scope: null }>): void {
    if (!caller.scopes.has(scope)) {
      throw new AppError('auth.scope-missing', { detail: `The access token lacks the scope ${scope}.` })
    }
    // The scope is only given for two factors; a token that says otherwise is not one of ours to trust.
    const acr = scope === 'ops' ? ACR.multi : undefined
    const nowS = (this.options.now ?? Date.now)() / 1000
    const isFresh = freshS === undefined || (caller.authTime !== undefined && nowS - caller.authTime <= freshS)
    if (!isFresh || (acr !== undefined && caller.acr !== acr)) {
      throw new AppError('auth.step-up-needed', { extra: { ...(freshS && { maxAge: freshS }), ...(acr && { acrValues: acr }) } })
    }
  }
}

/** A route as it is registered, and who may use it. */
export interface GuardedRoute {
  readonly methods: readonly string[]
  /** With parameters as Fastify writes them: `/v1/orders/:id`. */
  readonly url: string
  readonly access: Access
}

/**
 * Guards every route of a service with one hook: inner services check the calling service against the call table, and each route's
 * declared access against the caller's token. The list it returns fills as routes are registered.
 * @throws Error at start-up for a route that declares no access, or a role that nobody would check
 */
export const registerGuard = (fastify: FastifyInstance, options: GuardOptions): readonly GuardedRoute[] => {
  const guard = new Guard(options)
  const routes: GuardedRoute[] = []
  fastify.addHook('onRoute', ({ method, url, config }) => {
    const access = config?.access
    if (access === undefined) throw new Error(`${String(method)} ${url} declares no access: add @Requires(scope) or @Anonymous()`)
    if (access.scope !== null && access.role !== undefined && options.checksRoles !== true)
      throw new Error(`${String(method)} ${url} asks for the role ${access.role}, which ${options.service} does not check`)
    routes.push({ methods: [method].flat(), url, access })
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
  return routes
}
