import { PROBLEM_CONTENT_TYPE } from '@catamaran/contracts'
import { noteError, problemOf, retryAfterOf, toAppError } from '@catamaran/platform'
import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** How much of a body that nobody wants is still taken in, so that the client gets to read the answer, and for how long. */
const LINGER_BYTES = 1024 * 1024
const LINGER_MS = 1_000

/** Whether a request carries a body (RFC 9112, section 6.3). */
export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] !== undefined && headers['content-length'] !== '0')

/** Whether part of a request's body has not come in yet: its connection can't take another request before that. */
export const hasUnreadBody = (raw: IncomingMessage): boolean => !raw.complete && hasBody(raw)

/** Answers a hijacked request with a problem document, or cuts the connection when an answer has begun already. */
export const refuse = (request: FastifyRequest, reply: FastifyReply, thrown: unknown, own: readonly string[]): void => {
  const error = toAppError(thrown)
  noteError(request, error)
  const { raw } = reply
  if (raw.headersSent || raw.destroyed) return void raw.destroy()
  const body = Buffer.from(JSON.stringify(problemOf(error, request.id)))
  const headers = [...own, 'content-type', PROBLEM_CONTENT_TYPE, 'content-length', String(body.length), 'cache-control', 'no-store']
  const retryAfterS = retryAfterOf(error)
  if (retryAfterS !== undefined) headers.push('retry-after', String(retryAfterS))
  if (hasUnreadBody(request.raw) && !own.includes('connection')) headers.push('connection', 'close')
  raw.writeHead(error.spec.status, headers)
  finish(request, reply, body)
}

/**
 * Ends an answer. When the request's body was not read to its end the connection ends too, but only after the client had a moment to stop
 * sending: a reset would take the answer away from it.
 */
export const finish = ({ raw: request }: FastifyRequest, { raw }: FastifyReply, body?: Buffer): void => {
  // As text of a byte a letter it goes out in one piece with the head, as bytes in two: a tenth of what the answer costs.
  if (!hasUnreadBody(request)) return void raw.end(body?.toString('latin1'), 'latin1')
  if (body !== undefined) raw.write(body)
  let bytes = 0
  const end = (): void => {
    clearTimeout(timer)
    request.off('data', count).off('end', end).off('close', end)
    raw.end()
  }
  const count = (chunk: Buffer): void => {
    bytes += chunk.length
    if (bytes > LINGER_BYTES) end()
  }
  const timer = setTimeout(end, LINGER_MS)
  request.on('data', count).once('end', end).once('close', end).resume()
}
