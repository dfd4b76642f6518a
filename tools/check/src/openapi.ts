import { execFile } from 'node:child_process'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { STATUS_CODES } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import {
  BUYER_SCOPES,
  CALLS,
  MEMBER_SCOPES,
  OPERATOR_SCOPES,
  PARTNER_SCOPES,
  PROBLEM_CONTENT_TYPE,
  type ServiceName,
} from '@catamaran/contracts'

import { complete, type Document } from './complete.js'

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))
const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options']

interface Response {
  $ref?: string
  description?: string
  headers?: Record<string, unknown>
  content?: Record<string, unknown>
}
interface Operation {
  tags?: string[]
  parameters?: { name: string; in: string }[]
  requestBody?: unknown
  responses: Record<string, Response>
  security?: Record<string, string[]>[]
}
/** What a service says of itself: its own paths and the schemas they use. */
export interface ServiceDocument {
  paths: Record<string, Record<string, Operation>>
  components?: { schemas?: Record<string, unknown> }
}

/** The OpenAPI 3.1 document of the whole system as the outside sees it, made from what the built services print. JSON, ends with a newline. */
export const mergedOpenApi = async (): Promise<string> => {
  const services = [...new Set(CALLS.filter(({ from, isForwarded }) => from === 'api-gateway' && isForwarded).map(({ to }) => to))]
  const folder = await mkdtemp(join(tmpdir(), 'catamaran-openapi-'))
  try {
    const env = await placeholders(folder)
    const printed = await Promise.all(services.map(async (service) => [service, await printedBy(service, env)] as const))
    return `${JSON.stringify(complete(mergeDocuments(new Map(printed)) as Document), null, 2)}\n`
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const printedBy = async (service: ServiceName, env: Record<string, string>): Promise<ServiceDocument> => {
  const main = join(ROOT, 'apps', service, 'dist/src/main.js')
  const options = { env: { PATH: process.env['PATH'], ...env }, timeout: 240_000, maxBuffer: 64 * 1024 * 1024 }
  const { stdout } = await promisify(execFile)(process.execPath, [main, 'openapi'], options)
  return JSON.parse(stdout) as ServiceDocument
}

/** A configuration with which a service starts far enough to describe itself; nothing in it is reached. */
const placeholders = async (folder: string): Promise<Record<string, string>> => {
  const jwk = (key: KeyObject, alg: string) => ({ ...key.export({ format: 'jwk' }), kid: alg, alg, use: 'sig' })
  const ed25519 = jwk(generateKeyPairSync('ed25519').privateKey, 'EdDSA')
  const rsa = jwk(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, 'RS256')
  await writeFile(join(folder, 'key.json'), JSON.stringify(ed25519))
  await writeFile(join(folder, 'keys.json'), JSON.stringify({ keys: [ed25519, rsa] }))
  const nowhere = 'http://127.0.0.1:9'
  return {
    PORT: '0',
    ADMIN_PORT: '0',
    LOG_LEVEL: 'silent',
    DATABASE_URL: 'postgres://nobody@127.0.0.1:9/nothing',
    REDIS_URL: 'redis://127.0.0.1:9',
    DYNAMODB_ENDPOINT: nowhere,
    AWS_REGION: 'local',
    AWS_ACCESS_KEY_ID: 'none',
    AWS_SECRET_ACCESS_KEY: 'none',
    KAFKA_BROKERS: '127.0.0.1:9',
    ISSUER_URL: `${nowhere}/oidc`,
    AUTH_URL: nowhere,
    CORE_URL: nowhere,
    AUX_URL: nowhere,
    PSP_URL: nowhere,
    PSP_API_KEY: 'placeholder',
    PSP_CALLBACK_SECRET: 'placeholder',
    SERVICE_KEY_FILE: join(folder, 'key.json'),
    SERVICE_KEYS_DIR: folder,
    SIGNING_KEYS_FILE: join(folder, 'keys.json'),
    COOKIE_KEYS: 'only-to-describe-oneself-and-nothing-else',
    DATA_KEYS: Buffer.alloc(32).toString('base64url'),
    SMTP_URL: 'smtp://127.0.0.1:9',
    FLAGS_SDK_KEY: 'none',
    FLAGS_URL: nowhere,
  }
}

/** The service that the gateway forwards a path to: of the patterns that match, the longest. */
const forwardedTo = (path: string): ServiceName | undefined =>
  CALLS.filter(({ from, isForwarded }) => from === 'api-gateway' && isForwarded)
    .flatMap(({ to, paths }) => paths.map((pattern) => ({ to, pattern })))
    .filter(({ pattern }) => (pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : pattern === path))
    .sort((a, b) => b.pattern.length - a.pattern.length)[0]?.to

/** One document out of several: the paths that the call table makes public, every schema once, and what the gateway adds. Keys in a stable order. */
export const mergeDocuments = (documents: ReadonlyMap<ServiceName, ServiceDocument>): object => {
  const paths: ServiceDocument['paths'] = {}
  const schemas: Record<string, unknown> = {}
  for (const [service, document] of documents) {
    for (const [path, operations] of Object.entries(document.paths)) {
      if (forwardedTo(path) === service) paths[path] = publicOperations(operations)
    }
    for (const [name, schema] of Object.entries(document.components?.schemas ?? {})) {
      if (schemas[name] !== undefined && JSON.stringify(schemas[name]) !== JSON.stringify(schema))
        throw new Error(`Two services have different schemas of the name ${name}: give one of them another id`)
      schemas[name] = schema
    }
  }
  const tags = [...new Set(Object.values(paths).flatMap((path) => Object.values(path).flatMap((operation) => operation.tags ?? [])))]
  return tidy({
    openapi: '3.1.0',
    info: INFO,
    servers: [{ url: '/' }],
    externalDocs: { description: 'Every kind of problem', url: '/problems' },
    tags: tags.sort().map((name) => ({ name })),
    paths: sorted(paths),
    components: { ...COMPONENTS, schemas: sorted({ ...schemas, Problem: open(schemas['Problem']) }) },
  }) as object
}

/** A problem document may say more than what all of them say. */
const open = (problem: unknown): unknown => ({ ...(problem as object), additionalProperties: true })

const sorted = <T>(record: Record<string, T>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))

const publicOperations = (operations: Record<string, Operation>): Record<string, Operation> =>
  Object.fromEntries(METHODS.flatMap((method) => (operations[method] === undefined ? [] : [[method, publicOperation(operations[method])]])))

const RATE_LIMIT_HEADERS = {
  RateLimit: { $ref: '#/components/headers/RateLimit' },
  'RateLimit-Policy': { $ref: '#/components/headers/RateLimit-Policy' },
}

/** An operation with what the gateway and the platform answer besides. */
const publicOperation = (operation: Operation): Operation => {
  const responses: Record<string, Response> = {}
  for (const [status, response] of Object.entries(operation.responses)) {
    const description = response.description === '' ? STATUS_CODES[status] : response.description
    responses[status] =
      Number(status) >= 400
        ? { ...response, description: description ?? '', content: asProblem(response.content) }
        : { ...response, description: description ?? '', headers: { ...response.headers, ...RATE_LIMIT_HEADERS } }
  }
  const takesInput = operation.requestBody !== undefined || (operation.parameters ?? []).length > 0
  if (takesInput) responses['400'] ??= { $ref: '#/components/responses/Invalid' }
  responses['429'] ??= { $ref: '#/components/responses/RateLimited' }
  responses['503'] ??= { $ref: '#/components/responses/Unavailable' }
  return { ...operation, ...securityOf(operation), responses: sorted(responses) }
}

/** What a partner's token may carry an API key may too, and a key stands in for the token. */
const securityOf = ({ security }: Operation): Pick<Operation, 'security'> => {
  const scopes = security?.flatMap((scheme) => scheme['oauth2'] ?? []) ?? []
  const takesKeys = scopes.length > 0 && scopes.every((scope) => (PARTNER_SCOPES as readonly string[]).includes(scope))
  return takesKeys && security !== undefined ? { security: [...security, { apiKey: scopes }] } : {}
}

const PROBLEM_CONTENT = { [PROBLEM_CONTENT_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } }
const asProblem = (content: Record<string, unknown> | undefined): Record<string, unknown> =>
  content?.['application/json'] === undefined ? PROBLEM_CONTENT : { [PROBLEM_CONTENT_TYPE]: content['application/json'] }

/** Leaves out what zod says of every integer and swagger of every document: noise to a reader. */
const tidy = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(tidy)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, part]) => !((key === 'maximum' || key === 'minimum') && Math.abs(part as number) === Number.MAX_SAFE_INTEGER))
      .map(([key, part]) => [key, tidy(part)]),
  )
}

const INFO = {
  title: 'Catamaran',
  version: '1',
  summary: 'A marketplace: browse, fill a cart, place an order, hear of it',
  description: [
    'JSON under `/v1`. Times are RFC 3339, money is an integer of minor units with its ISO 4217 code, ids are TypeIDs such as `ord_01k…`.',
    'Errors are RFC 9457 problem documents; `type` leads to a page about each kind. Lists are read on by `cursor`. Unknown fields are refused.',
    'Buyers sign in by OpenID Connect (`/oidc/.well-known/openid-configuration`: authorization code with PKCE), partners use an API key or client credentials.',
    'Every answer tells the caller’s limits in `RateLimit` and `RateLimit-Policy`, and its `X-Request-Id`.',
  ].join('\n\n'),
  license: { name: 'Apache 2.0', identifier: 'Apache-2.0' },
}

/** What a scope lets do, out of its name: `orders:read` → `Buyers: read orders`. */
const scopes = (names: readonly string[], who: string): Record<string, string> =>
  Object.fromEntries(
    names.map((name) => {
      const [thing = '', verb = 'manage'] = name.split(':')
      return [name, `${who}: ${verb} ${thing}`]
    }),
  )

const problem = (description: string, retries: boolean) => ({
  description,
  headers: { ...RATE_LIMIT_HEADERS, ...(retries ? { 'Retry-After': { $ref: '#/components/headers/Retry-After' } } : {}) },
  content: PROBLEM_CONTENT,
})

const COMPONENTS = {
  securitySchemes: {
    oauth2: {
      type: 'oauth2',
      description: 'Access tokens are JWTs of five minutes. Addresses are relative to the gateway.',
      flows: {
        authorizationCode: {
          authorizationUrl: '/oidc/auth',
          tokenUrl: '/oidc/token',
          refreshUrl: '/oidc/token',
          scopes: {
            openid: 'Sign-in',
            ...scopes(BUYER_SCOPES, 'Buyers'),
            ...scopes(MEMBER_SCOPES, 'Members of partners'),
            ...scopes(OPERATOR_SCOPES, 'Operators'),
          },
        },
        clientCredentials: { tokenUrl: '/oidc/token', scopes: scopes(PARTNER_SCOPES, 'Partners') },
      },
    },
    apiKey: {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'cat_test_… or cat_live_…',
      description: 'A partner’s API key, sent as `Authorization: Bearer`. Its scopes are chosen when it is made.',
    },
  },
  headers: {
    RateLimit: {
      description: 'What is left (`r`), and the seconds until all of it is there again (`t`): draft-ietf-httpapi-ratelimit-headers-11',
      schema: { type: 'string' },
      example: '"caller";r=199;t=1',
    },
    'RateLimit-Policy': {
      description: 'The limit that counts here: `q` requests at once, which take `w` seconds to come back',
      schema: { type: 'string' },
      example: '"caller";q=200;w=2',
    },
    'Retry-After': { description: 'Seconds until the same request may succeed', schema: { type: 'integer', minimum: 1 } },
  },
  responses: {
    Invalid: problem('The request is not valid: `errors` says where and why', false),
    RateLimited: problem('Too many requests', true),
    Unavailable: problem('A part of the system is not available just now', true),
  },
}
