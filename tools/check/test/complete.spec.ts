import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { before, describe, it } from 'node:test'
import { ERRORS, type ErrorCode } from '@catamaran/contracts'
import { complete, type Described, type Document } from '../src/complete.js'
import { errorsOf, OWN_ERRORS } from '../src/operation-errors.js'

let document: Document
let operations: [string, Described][]

before(() => {
  // The committed one: the check's step `generated` holds it equal to what the code makes.
  document = JSON.parse(readFileSync(new URL('../../../../apps/api-gateway/openapi.json', import.meta.url), 'utf8')) as Document
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Described] => [`${method} ${path}`, operation]),
  )
})

const codesOf = ({ responses }: Described): string[] =>
  Object.values(responses).flatMap(({ content }) => Object.keys(content?.['application/problem+json']?.examples ?? {}))
const lacking = ([name, { requestBody, responses }]: [string, Described]): string[] =>
  [...Object.entries(requestBody?.content ?? {}), ...Object.values(responses).flatMap(({ content }) => Object.entries(content ?? {}))]
    .filter(([type, { examples }]) => type.endsWith('json') && Object.keys(examples ?? {}).length === 0)
    .map(([type]) => `${name} ${type}`)

describe('the OpenAPI document', () => {
  it('knows of every operation which errors it has of its own, and of no other', () => {
    const ids = operations.map(([, { operationId = '' }]) => operationId)
    assert.deepEqual(Object.keys(OWN_ERRORS).toSorted(), ids.toSorted())
  })

  it('lists for every operation all its codes, each under its status', () => {
    for (const [name, operation] of operations) {
      assert.deepEqual(codesOf(operation).toSorted(), errorsOf(operation).toSorted(), name)
      for (const [status, { content }] of Object.entries(operation.responses))
        for (const code of Object.keys(content?.['application/problem+json']?.examples ?? {}))
          assert.equal(String(ERRORS[code as ErrorCode].status), status, `${name} ${code}`)
    }
  })

  it('tells of no error answer without a code', () => {
    const bare = operations.flatMap(([name, { responses }]) =>
      Object.entries(responses)
        .filter(([status, { content }]) => Number(status) >= 400 && content?.['application/problem+json']?.examples === undefined)
        .map(([status]) => `${name} ${status}`),
    )
    assert.deepEqual(bare, [])
  })

  it('has an example for every JSON body and answer, and all references lead to one', () => {
    assert.deepEqual(operations.flatMap(lacking), [])
    const references = [...JSON.stringify(document.paths).matchAll(/#\/components\/examples\/([\w.-]+)/g)].map(([, name = '']) => name)
    assert.deepEqual(
      references.filter((name) => document.components.examples?.[name] === undefined),
      [],
    )
  })

  it('has examples of texts that their own patterns take', () => {
    const wrong: string[] = []
    const look = (schema: Record<string, unknown>, value: unknown, where: string): void => {
      if (typeof schema['pattern'] === 'string' && typeof value === 'string' && !new RegExp(schema['pattern'], 'u').test(value))
        wrong.push(`${where} ${value}`)
      for (const [field, part] of Object.entries((schema['properties'] ?? {}) as Record<string, Record<string, unknown>>))
        look(part, (value as Record<string, unknown> | null)?.[field], `${where}.${field}`)
    }
    for (const [name, schema] of Object.entries(document.components.schemas)) {
      const example = document.components.examples?.[name] as { value: unknown } | undefined
      if (example !== undefined) look(schema, example.value, name)
    }
    assert.deepEqual(wrong, [])
  })
})

it('an operation that nobody gave errors or examples gets those of its kind', () => {
  const operation: Described = {
    requestBody: { content: { 'application/json': { schema: { type: 'object', properties: { n: { type: 'integer', minimum: 3 } } } } } },
    responses: { 200: { description: 'OK' } },
    security: [{ oauth2: ['ops'] }],
  }
  const { paths } = complete({ paths: { '/x': { post: operation } }, components: { schemas: {} } })
  const found = paths['/x']?.['post']
  assert.deepEqual(found?.requestBody?.content?.['application/json']?.examples, { example: { value: { n: 3 } } })
  assert.deepEqual(Object.keys(found.responses), ['200', '400', '401', '403', '413', '415', '429', '500', '503', '504'])
})
