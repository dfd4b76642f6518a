import type { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { PROBLEM_CONTENT_TYPE } from '@catamaran/contracts'
import { AppError, logFields, noteError, problemOf, retryAfterOf, toAppError } from '@catamaran/platform'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { errors, KoaContextWithOIDC, Provider } from 'oidc-provider'
import { errorPage } from '../pages/account.pages.js'
import { render } from '../pages/oidc.pages.js'
import type { OidcProvider } from './provider.js'

const MOUNT = '/oidc'

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

const requests = new WeakMap<IncomingMessage, FastifyRequest>()
const failures = new WeakMap<object, unknown>()

/** Refusals in OAuth's own words; why stands in the log line only. */
const REFUSALS = ['grant.error', 'authorization.error', 'revocation.error', 'end_session.error', 'end_session_confirm.error'] as const

/** Puts oidc-provider under /oidc. It reads bodies and writes answers itself; failures that are ours, not OAuth's, are told as elsewhere. */
export const registerOidc = (fastify: FastifyInstance, oidc: OidcProvider): void => {
  const issuer = new URL(oidc.publicOrigin)
  const handlers = new WeakMap<Provider, Handler>()
  const handlerOf = (provider: Provider): Handler => {
    const handler = handlers.get(provider) ?? prepare(provider)
    handlers.set(provider, handler)
    return handler
  }

  fastify.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null))
    scope.all(`${MOUNT}/*`, { config: { access: { scope: null } } }, async (request, reply) => {
      const { raw } = request
      requests.set(raw, request)
      // Addresses in answers are made from these: always the public ones, whatever a caller claims.
      raw.headers['x-forwarded-host'] = issuer.host
      raw.headers['x-forwarded-proto'] = issuer.protocol.slice(0, -1)
      Object.assign(raw, { originalUrl: raw.url, url: raw.url?.slice(MOUNT.length) })
      for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) reply.raw.setHeader(name, value)
      reply.hijack()
      await handlerOf(oidc.current)(raw, reply.raw)
    })
    done()
  })
}

const prepare = (provider: Provider): Handler => {
  provider.on('server_error', (ctx, error) => void failures.set(ctx, error))
  const told: EventEmitter = provider
  for (const event of REFUSALS) {
    told.on(event, (_ctx, { error, error_detail: reason }: errors.OIDCProviderError) => logFields({ oauthError: error, reason }))
  }
  provider.on('grant.revoked', () => logFields({ grantRevoked: true }))
  provider.use(async (ctx, next) => {
    ctx.set('content-security-policy', "default-src 'none'; script-src 'self'; base-uri 'none'; frame-ancestors 'none'")
    await next().catch((error: unknown) => failures.set(ctx, error))
    logFields({ endpoint: (ctx as Partial<KoaContextWithOIDC>).oidc?.route })
    const failure = failures.get(ctx)
    if (failure !== undefined) tell(ctx as KoaContextWithOIDC, toAppError(failure))
    else if (ctx.status === 404 && ctx.body === undefined) tell(ctx as KoaContextWithOIDC, new AppError('request.route-not-found'))
  })
  return provider.callback() as Handler
}

/** The problem document of an error, or a page where a browser asks. */
const tell = (ctx: KoaContextWithOIDC, error: AppError): void => {
  const request = requests.get(ctx.req)
  if (request !== undefined) noteError(request, error)
  const requestId = request?.id ?? ''
  const problem = problemOf(error, requestId)
  if (ctx.accepts('json', 'html') === 'html') {
    render(ctx, errorPage({ status: problem.status, title: problem.title, detail: problem.detail, requestId }))
  } else {
    ctx.status = problem.status
    ctx.body = JSON.stringify(problem)
    ctx.type = PROBLEM_CONTENT_TYPE
  }
  const retryAfterS = retryAfterOf(error)
  if (retryAfterS !== undefined) ctx.set('retry-after', String(retryAfterS))
}
