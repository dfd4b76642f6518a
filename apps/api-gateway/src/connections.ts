import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { newId, PROBLEM_CONTENT_TYPE, type ErrorCode } from '@catamaran/contracts'
import { AppError, MAX_HEAD_BYTES, problemOf, type Logger } from '@catamaran/platform'
import type { FastifyInstance } from 'fastify'

/** What the parser could not take, by its own code, and what the client is told of it. */
const FAULTS: Readonly<Record<string, { readonly code: ErrorCode; readonly detail: string }>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { code: 'request.timeout', detail: 'The request has not arrived whole in the time it may take.' },
  HPE_HEADER_OVERFLOW: {
    code: 'request.headers-too-large',
    detail: `The URL and all headers together must be smaller than ${MAX_HEAD_BYTES.edge} bytes.`,
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { code: 'request.too-large', detail: 'The extensions of the body’s chunks are too large.' },
}
const UNREADABLE = { code: 'request.invalid', detail: 'This is not a well-formed HTTP request.' } as const
/** How long a client that sent nonsense has to read what we say of it. */
const LINGER_MS = 500

interface HttpSocket extends Socket {
  /** The answer being written on this connection (Node's own field; its default handler reads it as well). */
  _httpMessage?: ServerResponse | null
}

/** A whole answer to bytes that are no HTTP request. */
const answerTo = (error: AppError, requestId: string, headers: Readonly<Record<string, string>>): string => {
  const body = JSON.stringify(problemOf(error, requestId))
  const lines = Object.entries({
    ...headers,
    'x-request-id': requestId,
    'content-type': PROBLEM_CONTENT_TYPE,
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  })
  return `HTTP/1.1 ${error.spec.status} ${error.spec.title}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`
}

/**
 * What happens below requests: bytes that are no HTTP get a problem document and lose the connection, and `Expect: 100-continue` is answered only
 * once the body is wanted (`takeBody`), so that a refused client needn't send it.
 */
export const watchConnections = (fastify: FastifyInstance, logger: Logger, headers: Readonly<Record<string, string>>): void => {
  const refused = new WeakSet<Socket>()
  fastify.server.removeAllListeners('clientError')
  fastify.server.on('clientError', (cause: Error & { code?: string }, socket: HttpSocket) => {
    if (refused.has(socket) || cause.code === 'ECONNRESET' || !socket.writable) return void (refused.has(socket) || socket.destroy())
    refused.add(socket)
    if (socket._httpMessage?.headersSent === true) return void socket.destroy()
    const { code, detail } = FAULTS[cause.code ?? ''] ?? UNREADABLE
    const error = new AppError(code, { detail }, { cause })
    const requestId = newId('request')
    logger.info({ requestId, status: error.spec.status, problem: error.code, parser: cause.code }, 'unreadable request')
    socket.end(answerTo(error, requestId, headers))
    setTimeout(() => socket.destroy(), LINGER_MS).unref()
  })
  fastify.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) =>
    fastify.server.emit('request', request, response),
  )
}
