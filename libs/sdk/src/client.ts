import createOpenApiClient, { type Client } from 'openapi-fetch'
import { KEYED, type paths } from './api.js'
import type { Auth } from './auth.js'
import { transportOf, type TransportOptions } from './transport.js'

export interface CatamaranOptions extends Partial<TransportOptions> {
  /** The gateway, such as `https://api.example.com`. */
  readonly baseUrl: string
  /** Undefined: an anonymous caller. */
  readonly auth?: Auth
}

/** Every operation of the API by method and path, as `openapi-fetch` has them. */
export type Catamaran = Client<paths>

/**
 * A client of Catamaran. It waits and tries again where that is safe, sends a fresh Idempotency-Key with each write that takes one, so that its retries
 * happen once, and throws a CatamaranError for whatever is refused.
 * Example: `createCatamaran({ baseUrl, auth: apiKey(key) }).GET('/v1/partner')`, its body by `dataOf`.
 * @param options.attempts how often a request is sent at most. Default 4
 * @param options.timeoutMs how long one attempt may take, in milliseconds. Default 10,000
 * @param options.backoffMs the first pause between attempts, in milliseconds. Default 200
 * @param options.maxWaitMs the longest Retry-After that is waited for, in milliseconds. Default 30,000
 */
export const createCatamaran = ({ baseUrl, auth, ...given }: CatamaranOptions): Catamaran => {
  const { attempts = 4, timeoutMs = 10_000, backoffMs = 200, maxWaitMs = 30_000 } = given
  const client = createOpenApiClient<paths>({ baseUrl, fetch: transportOf({ auth, attempts, timeoutMs, backoffMs, maxWaitMs }) })
  client.use({
    onRequest: ({ request, schemaPath }) => {
      const takesKey = KEYED.includes(`${request.method} ${schemaPath}`)
      if (takesKey && !request.headers.has('idempotency-key')) request.headers.set('idempotency-key', crypto.randomUUID())
      return request
    },
  })
  return client
}

/** The body of an answer. Example: `const order = await dataOf(catamaran.GET('/v1/orders/{id}', { params: { path: { id } } }))`. */
export const dataOf = async <T>(answer: Promise<{ readonly data?: T }>): Promise<NonNullable<T>> => (await answer).data as NonNullable<T>

/**
 * The items of a list, page after page as they are asked for.
 * Example: `for await (const order of itemsOf((cursor) => dataOf(catamaran.GET('/v1/orders', { params: { query: { cursor } } }))))`.
 */
export async function* itemsOf<T>(
  page: (cursor: string | undefined) => Promise<{ readonly items: readonly T[]; readonly nextCursor: string | null }>,
): AsyncGenerator<T, void, undefined> {
  for (let cursor: string | null | undefined; cursor !== null;) {
    const { items, nextCursor }: Awaited<ReturnType<typeof page>> = await page(cursor)
    yield* items
    cursor = nextCursor
  }
}
