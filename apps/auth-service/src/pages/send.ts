import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common'
import type { ErrorCode } from '@catamaran/contracts'
import { AppError, noteError, retryAfterOf, toAppError } from '@catamaran/platform'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { errors } from 'oidc-provider'
import { errorPage } from './account.pages.js'
import { documentOf, headersOf, type Page } from './html.js'

/** Answers with a page. */
export const sendPage = async (reply: FastifyReply, page: Page): Promise<void> => {
  await reply.code(page.status).headers(headersOf(page)).send(documentOf(page))
}

/** Sends the browser on with a GET. */
export const sendOn = async (reply: FastifyReply, location: string): Promise<void> => {
  await reply.code(303).headers({ location, 'cache-control': 'no-store' }).send()
}

/** Refuses a form that another site sent: its session cookies may have come along, its origin can't be faked. */
export const checkOrigin = ({ headers }: FastifyRequest, publicOrigin: string): void => {
  const isOurs = headers.origin === publicOrigin
  const isSaidToBeOurs = (headers.origin === undefined || headers.origin === 'null') && headers['sec-fetch-site'] === 'same-origin'
  if (!isOurs && !isSaidToBeOurs) throw new AppError('request.invalid', { detail: `The form must come from ${publicOrigin}.` })
}

/** A page of an account was asked for by nobody we know, or whose sign-in is too old for it: PageFilter sends them to `location`. */
export class SignInNeeded extends Error {
  constructor(readonly location: string) {
    super('a sign-in is needed')
  }
}

/** What was done, or why it was refused where the code is one that the page can tell; other errors go on. */
export const orRefusal = <T>(work: Promise<T>, ...codes: ErrorCode[]): Promise<T | AppError> =>
  work.catch((error: unknown) => {
    if (error instanceof AppError && codes.includes(error.code)) return error
    throw error
  })

/** What a form says beside each of its fields, out of zod's issues; `form` is about the whole. */
export const messagesOf = (issues: readonly { path: readonly PropertyKey[]; message: string }[]): Record<string, string> =>
  Object.fromEntries(issues.map(({ path, message }) => [String(path[0] ?? 'form'), message]))

/** Errors as pages, for the controllers that answer browsers. */
@Catch()
export class PageFilter implements ExceptionFilter {
  async catch(thrown: unknown, host: ArgumentsHost): Promise<void> {
    const request = host.switchToHttp().getRequest<FastifyRequest>()
    const reply = host.switchToHttp().getResponse<FastifyReply>()
    if (reply.sent) return
    if (thrown instanceof SignInNeeded) return sendOn(reply, thrown.location)
    if (thrown instanceof errors.SessionNotFound) {
      const detail = 'Go back to where you came from and start again.'
      return sendPage(reply, errorPage({ status: 400, title: 'This sign-in has expired', detail }))
    }
    const error = toAppError(thrown)
    noteError(request, error)
    const retryAfterS = retryAfterOf(error)
    if (retryAfterS !== undefined) reply.header('retry-after', retryAfterS)
    const { status, title, advice } = error.spec
    return sendPage(reply, errorPage({ status, title, detail: error.details.detail ?? advice, requestId: request.id }))
  }
}
