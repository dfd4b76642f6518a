import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common'
import { PROBLEM_CONTENT_TYPE } from '@catamaran/contracts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { throwError, type Observable } from 'rxjs'
import { problemOf, retryAfterOf, toAppError, type AppError } from './errors.js'
import { isOpen, noteError } from './requests.js'

/** What the caller lacks, in the words of RFC 6750 section 3 and RFC 9470 section 3. */
const challengeOf = ({ code, details: { extra } }: AppError): string => {
  if (code === 'auth.token-missing') return 'Bearer'
  if (code !== 'auth.step-up-needed') return 'Bearer error="invalid_token"'
  const { maxAge, acrValues } = extra as { maxAge?: number; acrValues?: string }
  const asked = [maxAge && `max_age=${maxAge}`, acrValues && `acr_values="${acrValues}"`].filter(Boolean)
  return ['Bearer error="insufficient_user_authentication"', ...asked].join(', ')
}

/** Answers a request with the problem document of whatever was thrown. */
export const sendProblem = (request: FastifyRequest, reply: FastifyReply, thrown: unknown): void => {
  const error = toAppError(thrown)
  noteError(request, error)
  if (!isOpen(reply)) return
  const retryAfterS = retryAfterOf(error)
  if (retryAfterS !== undefined) reply.header('retry-after', retryAfterS)
  if (error.details.isReplay === true) reply.header('idempotency-replayed', 'true')
  if (error.spec.status === 401) reply.header('www-authenticate', challengeOf(error))
  void reply
    .code(error.spec.status)
    .header('content-type', PROBLEM_CONTENT_TYPE)
    .send(JSON.stringify(problemOf(error, request.id)))
}

/** The one filter: problem documents for HTTP; for messages the error itself goes on to the consumer loop, which decides on a retry. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  catch(thrown: unknown, host: ArgumentsHost): void | Observable<never> {
    if (host.getType() !== 'http') return throwError(() => thrown)
    const http = host.switchToHttp()
    sendProblem(http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>(), thrown)
  }
}
