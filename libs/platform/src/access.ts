import { applyDecorators, createParamDecorator, type ExecutionContext } from '@nestjs/common'
import { RouteConfig } from '@nestjs/platform-fastify'
import { ApiResponse, ApiSecurity } from '@nestjs/swagger'
import { Problem, type Scope } from '@catamaran/contracts'
import type { FastifyRequest } from 'fastify'
import { currentContext } from './context.js'
import { AppError } from './errors.js'
import type { Claims } from './tokens.js'

/** Who may use a route: callers whose token has a scope, or anybody. A route without one does not start. */
export type Access = { readonly scope: Scope } | { readonly scope: null }

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
  }
}

const problem = (status: number, description: string) => ApiResponse({ status, description, standardSchema: Problem })

/** The route needs an access token with this scope. Example: `@Requires('orders:write')`. */
export const Requires = (scope: Scope) =>
  applyDecorators(
    RouteConfig({ access: { scope } satisfies Access }),
    ApiSecurity('oauth2', [scope]),
    problem(401, 'No valid access token'),
    problem(403, `The token lacks the scope ${scope}`),
  )

/** Anybody may use the route; a token that is sent is still checked. */
export const Anonymous = () => RouteConfig({ access: { scope: null } satisfies Access })

/** The verified caller of a route with `@Requires`. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Claims => {
  const caller =
    (context.switchToHttp().getRequest<FastifyRequest>() as FastifyRequest & { caller?: Claims }).caller ?? currentContext()?.caller
  if (caller === undefined) throw new AppError('auth.token-missing')
  return caller
})
