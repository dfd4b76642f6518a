import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { AppError } from '@catamaran/platform'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { leaveBodiesUnread } from '../forwarding/routes.js'
import { LINKS, landingPage } from './landing.js'
import { problemPage, problemsPage } from './problems.js'
import { referencePage, type OpenApi } from './reference.js'

/** Pages load our own style and pictures, and nothing else. */
const PAGE_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
const HTML = 'text/html; charset=utf-8'
const JSON_TYPE = 'application/json; charset=utf-8'

/** Something that stays the same while the process lives. */
interface Fixed {
  readonly type: string
  readonly body: Buffer
  readonly etag: string
}

const fixed = (type: string, body: Buffer | string): Fixed => {
  const bytes = Buffer.from(body)
  return { type, body: bytes, etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"` }
}
const fileOf = (path: string): Buffer => readFileSync(new URL(`../../../${path}`, import.meta.url))

const send = (request: FastifyRequest, reply: FastifyReply, { type, body, etag }: Fixed): void => {
  void reply.header('etag', etag).header('cache-control', 'no-cache').header('vary', 'accept').header('x-robots-tag', 'none')
  if (type === HTML) void reply.header('content-security-policy', PAGE_POLICY)
  if (request.headers['if-none-match']?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag) === true)
    return void reply.code(304).send()
  void reply.header('content-type', type).send(body)
}

/** The gateway's own pages: landing page, reference, problems, and the OpenAPI document they come from. */
export const pageRoutes = (fastify: FastifyInstance, _options: unknown, done: () => void): void => {
  leaveBodiesUnread(fastify)
  const openApi = fileOf('openapi.json')
  const pages: Record<string, Fixed> = {
    '/docs': fixed(HTML, referencePage(JSON.parse(openApi.toString()) as OpenApi)),
    '/openapi.json': fixed(JSON_TYPE, openApi),
    '/problems': fixed(HTML, problemsPage()),
    '/assets/style.css': fixed('text/css; charset=utf-8', fileOf('assets/style.css')),
    '/assets/icon.svg': fixed('image/svg+xml; charset=utf-8', fileOf('assets/icon.svg')),
    '/robots.txt': fixed('text/plain; charset=utf-8', 'User-agent: *\nDisallow: /\n'),
  }
  const get = (url: string, find: (request: FastifyRequest) => Fixed | undefined): void => {
    const config = { access: { scope: null } } as const
    fastify.route({
      method: ['GET', 'HEAD'],
      url,
      exposeHeadRoute: false,
      config,
      handler: (request, reply) => {
        const found = find(request)
        if (found === undefined) throw new AppError('request.route-not-found')
        send(request, reply, found)
      },
    })
    fastify.route({
      method: ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
      url,
      config,
      handler: (_request, reply) => {
        void reply.header('allow', 'GET, HEAD')
        throw new AppError('request.method-not-allowed')
      },
    })
  }
  const landing = fixed(HTML, landingPage())
  const links = fixed(JSON_TYPE, JSON.stringify(LINKS))
  get('/', ({ headers }) => (headers.accept?.includes('text/html') === true ? landing : links))
  for (const [url, page] of Object.entries(pages)) get(url, () => page)
  get('/problems/:code', ({ params }) => {
    const text = problemPage((params as { code: string }).code)
    return text === undefined ? undefined : fixed(HTML, text)
  })
  done()
}
