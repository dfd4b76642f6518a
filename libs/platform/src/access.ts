import { applyDecorators, createParamDecorator, type ExecutionContext } from '@nestjs/common'
import { RouteConfig } from '@nestjs/platform-fastify'
import { ApiExtension, ApiResponse, ApiSecurity } from '@nestjs/swagger'
import { isId, Problem, type PartnerId, type PartnerRole, type Scope } from '@catamaran/contracts'
import type { FastifyRequest } from 'fastify'
import { currentContext } from './context.js'
import { AppError } from './errors.js'
import type { Claims } from './tokens.js'

/** What a route asks for besides a scope. */
export interface Conditions {
  /** The least role of the caller in the partner that the request is about; a partner's own key or client counts as a viewer. */
  readonly role?: PartnerRole
  /** The person signed in at most so many seconds ago, with a second factor where they have one (RFC 9470). Only people can meet it. */
  readonly freshS?: number
}

/** Who may use a route: callers whose token has a scope and meets the conditions, or anybody. A route without one does not start. */
export type Access = ({ readonly scope: Scope } & Conditions) | { readonly scope: null }

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
    /** What metrics, logs and spans call the route of a request, where its pattern tells too little; one of few, never a path. */
    nameOf?: (request: FastifyRequest) => string | undefined
  }
}

const problem = (status: number, description: string) => ApiResponse({ status, description, standardSchema: Problem })

/**
 * The route needs an access token with this scope. The guard checks scope and freshness, auth-service the role; OpenAPI tells all three.
 * Example: `@Requires('orders:write')`, `@Requires('partner:write', { role: 'developer', freshS: 300 })`.
 * @param ndjson whether the body is a stream of lines of JSON (application/x-ndjson), which the handler reads from `request.body`
 */
export const Requires = (scope: Scope, { role, freshS }: Conditions = {}, { ndjson }: { ndjson?: true } = {}) =>
  applyDecorators(
    RouteConfig({ access: { scope, ...(role && { role }), ...(freshS && { freshS }) } satisfies Access, ...(ndjson && { ndjson }) }),
    ApiSecurity('oauth2', [scope]),
    ...(role === undefined ? [] : [ApiExtension('x-partner-role', role)]),
    ...(freshS === undefined ? [] : [ApiExtension('x-max-age', freshS)]),
    problem(401, freshS === undefined ? 'No valid access token' : `No valid access token, or the sign-in is older than ${freshS} s`),
    problem(403, `The token lacks the scope ${scope}${role === undefined ? '' : `, or the caller is no ${role}`}`),
  )

/**
 * Anybody may use the route; a token that is sent is still checked.
 * @param rawBody whether the body is kept as it came too, for `@RawBody()`
 */
export const Anonymous = ({ rawBody }: { rawBody?: true } = {}) =>
  RouteConfig({ access: { scope: null } satisfies Access, ...(rawBody && { rawBody }) })

const callerOf = (context: ExecutionContext): Claims => {
  const caller =
    (context.switchToHttp().getRequest<FastifyRequest>() as FastifyRequest & { caller?: Claims }).caller ?? currentContext()?.caller
  if (caller === undefined) throw new AppError('auth.token-missing')
  return caller
}

/** The verified caller of a route with `@Requires`. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Claims => callerOf(context))

/** The partner whose own key or client calls a route with `@Requires`. @throws AppError auth.scope-missing where somebody else calls */
export const PartnerCaller = createParamDecorator((_: unknown, context: ExecutionContext): PartnerId => {
  const { sub } = callerOf(context)
  if (!isId('partner', sub)) throw new AppError('auth.scope-missing', { detail: 'Only a partner’s own key or client may do that.' })
  return sub
})
