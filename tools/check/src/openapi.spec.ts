import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { mergeDocuments, type ServiceDocument } from './openapi.js'

interface Merged {
  openapi: string
  tags: { name: string }[]
  paths: Record<string, Record<string, { responses: Record<string, { description: string; headers?: object; content?: object }> }>>
  components: {
    schemas: Record<string, Record<string, unknown>>
    securitySchemes: { oauth2: { flows: Record<string, { tokenUrl: string }> } }
  }
}

const schema = (name: string) => ({ 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } })
const Problem = {
  type: 'object',
  properties: { status: { type: 'integer', minimum: Number.MIN_SAFE_INTEGER } },
  additionalProperties: false,
}

const core = (): ServiceDocument => ({
  paths: {
    '/v1/products': {
      get: {
        tags: ['Catalogue'],
        parameters: [{ name: 'q', in: 'query' }],
        responses: { 200: { description: '', content: schema('Product') } },
      },
    },
    '/v1/cart': { get: { tags: ['Cart'], responses: { 404: { description: '', content: schema('Problem') } } } },
    '/v1/users': { get: { responses: { 200: { description: 'not core’s to answer' } } } },
    '/internal/notifications': { get: { responses: { 200: { description: 'not public' } } } },
  },
  components: { schemas: { Product: { type: 'object' }, Problem } },
})
const auth = (): ServiceDocument => ({
  paths: { '/v1/users': { post: { tags: ['Accounts'], requestBody: {}, responses: { 202: { description: 'Accepted' } } } } },
  components: { schemas: { Problem } },
})
const merged = (...documents: [ServiceDocument, ServiceDocument]): Merged =>
  mergeDocuments(
    new Map([
      ['core-service', documents[0]],
      ['auth-service', documents[1]],
    ]),
  ) as Merged

describe('mergeDocuments', () => {
  it('offers API keys where a partner’s scope is asked for, and nowhere else', () => {
    const document = core()
    const secured = (scope: string) => ({ get: { security: [{ oauth2: [scope] }], responses: {} } })
    document.paths = { '/v1/a': secured('catalogue'), '/v1/b': secured('orders:read') }
    const { paths } = merged(document, auth()) as unknown as { paths: Record<string, { get: { security: object[] } }> }
    assert.deepEqual(paths['/v1/a']?.get.security, [{ oauth2: ['catalogue'] }, { apiKey: ['catalogue'] }])
    assert.deepEqual(paths['/v1/b']?.get.security, [{ oauth2: ['orders:read'] }])
  })

  it('takes each path from the service that the gateway forwards it to, and no inner one', () => {
    const { openapi, paths, tags } = merged(core(), auth())
    assert.equal(openapi, '3.1.0')
    assert.deepEqual(Object.keys(paths), ['/v1/cart', '/v1/products', '/v1/users'])
    assert.deepEqual(Object.keys(paths['/v1/users'] ?? {}), ['post'])
    assert.deepEqual(
      tags.map(({ name }) => name),
      ['Accounts', 'Cart', 'Catalogue'],
    )
  })

  it('adds what the gateway answers besides, and says problems in their own media type', () => {
    const { paths } = merged(core(), auth())
    const list = paths['/v1/products']?.['get']?.responses ?? {}
    assert.deepEqual(Object.keys(list), ['200', '400', '429', '503'])
    assert.equal(list['200']?.description, 'OK')
    assert.deepEqual(Object.keys(list['200']?.headers ?? {}), ['RateLimit', 'RateLimit-Policy'])
    const cart = paths['/v1/cart']?.['get']?.responses ?? {}
    assert.deepEqual(Object.keys(cart), ['404', '429', '503'])
    assert.deepEqual(Object.keys(cart['404']?.content ?? {}), ['application/problem+json'])
    assert.ok(paths['/v1/users']?.['post']?.responses['400'], 'a body can be invalid')
  })

  it('keeps every schema once, problems open, and bounds that say nothing out', () => {
    const { schemas } = merged(core(), auth()).components
    assert.deepEqual(Object.keys(schemas), ['Problem', 'Product'])
    assert.deepEqual(schemas['Problem'], { type: 'object', properties: { status: { type: 'integer' } }, additionalProperties: true })
  })

  it('refuses two schemas of one name', () => {
    const other = auth()
    other.components = { schemas: { Problem, Product: { type: 'string' } } }
    assert.throws(() => merged(core(), other), /different schemas of the name Product/)
  })

  it('gives the same text whichever service is first, and references that lead somewhere', () => {
    const one = JSON.stringify(merged(core(), auth()))
    assert.equal(
      JSON.stringify(
        mergeDocuments(
          new Map([
            ['auth-service', auth()],
            ['core-service', core()],
          ]),
        ),
      ),
      one,
    )
    const document = JSON.parse(one) as Record<string, unknown>
    for (const [, ref = ''] of one.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      let at: unknown = document
      for (const part of ref.split('/')) at = (at as Record<string, unknown> | undefined)?.[part]
      assert.ok(at, ref)
    }
  })

  it('names the OAuth flows relative to the gateway', () => {
    const { flows } = merged(core(), auth()).components.securitySchemes.oauth2
    assert.deepEqual(Object.keys(flows), ['authorizationCode', 'clientCredentials'])
    for (const { tokenUrl } of Object.values(flows)) assert.equal(tokenUrl, '/oidc/token')
  })
})
