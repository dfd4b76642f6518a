import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiIncompatibilities } from '../src/api-compatibility.js'
import { ACCEPTED, checkGenerated, GENERATED, type Generated } from '../src/generated.js'
import { commit, plant, shown } from './planted.js'

type Schema = Record<string, unknown> & { properties: Record<string, Record<string, unknown>>; required: string[] }
const documentOf = () => {
  const reference = (name: string) => ({ 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } })
  const operation: Record<string, unknown> & { parameters: Record<string, unknown>[]; responses: Record<string, unknown> } = {
    parameters: [{ name: 'q', in: 'query', required: false, schema: { type: 'string', maxLength: 10 } }],
    requestBody: { required: true, content: reference('NewThing') },
    responses: { 201: { description: 'Made', content: reference('Thing') }, 404: { description: 'None' } },
    security: [{ oauth2: ['things'] }],
  }
  const asked: Schema = {
    type: 'object',
    properties: { name: { type: 'string', maxLength: 5 }, kind: { type: 'string', enum: ['a', 'b'] } },
    required: ['name'],
    additionalProperties: false,
  }
  const made: Schema = { type: 'object', properties: { id: { type: 'string' }, note: { type: 'string' } }, required: ['id'] }
  const paths: Record<string, Record<string, unknown>> = { '/v1/things': { post: operation } }
  return {
    document: { openapi: '3.1.0', info: { title: 'T', version: '1' }, paths, components: { schemas: { NewThing: asked, Thing: made } } },
    operation,
    asked,
    made,
    paths,
  }
}
type Parts = ReturnType<typeof documentOf>
const changesBy = (edit: (parts: Parts) => unknown): string[] => {
  const parts = documentOf()
  edit(parts)
  return apiIncompatibilities(documentOf().document, parts.document)
}

describe('a change of the API', () => {
  const REFUSED: readonly [string, (parts: Parts) => unknown, RegExp][] = [
    ['an operation gone', ({ paths, operation }) => (paths['/v1/things'] = { put: operation }), /^POST \/v1\/things: remove the operation/],
    ['a path gone', ({ paths }) => delete paths['/v1/things'], /\/v1\/things: remove/],
    ['a new required field', ({ asked }) => asked.required.push('kind'), /kind/],
    ['a field that is taken no more', ({ asked }) => delete asked.properties['kind'], /remove requestBody kind/],
    ['a tighter bound', ({ asked }) => (asked.properties['name'] = { type: 'string', maxLength: 4 }), /maxLength/],
    ['a value that is taken no more', ({ asked }) => (asked.properties['kind'] = { type: 'string', enum: ['a'] }), /enum/],
    ['an answer without a field', ({ made }) => delete made.properties['note'], /remove responses 201 note/],
    [
      'an answer with a field of another type',
      ({ made }) => (made.properties['note'] = { type: 'integer' }),
      /replace responses 201 note type/,
    ],
    ['an answer that may lack a field', ({ made }) => (made.required = []), /responses 201 required/],
    ['another status for success', ({ operation }) => (operation.responses = { 200: { description: 'Made' } }), /remove responses 201/],
    [
      'a new required parameter',
      ({ operation }) => operation.parameters.push({ name: 'p', in: 'query', required: true, schema: {} }),
      /add parameters/,
    ],
    ['another scope', ({ operation }) => (operation['security'] = [{ oauth2: ['others'] }]), /security/],
  ]
  for (const [what, edit, message] of REFUSED)
    it(`is refused: ${what}`, () => {
      assert.match(changesBy(edit).join('\n'), message)
    })

  it('is welcome when old callers stay right', () => {
    const changes = changesBy(({ paths, operation, asked, made }) => {
      paths['/v1/others'] = { post: operation }
      operation.parameters.push({ name: 'p', in: 'query', required: false, schema: { type: 'string' } })
      operation.responses['409'] = { description: 'Conflict' }
      operation['description'] = 'Says more'
      asked.properties['hint'] = { type: 'string' }
      asked.properties['name'] = { type: 'string', maxLength: 9 }
      asked.properties['kind'] = { type: 'string', enum: ['a', 'b', 'c'] }
      made.properties['more'] = { type: 'string' }
    })
    assert.deepEqual(changes, [])
    assert.deepEqual(
      changesBy(() => undefined),
      [],
    )
  })
})

describe('the gate of the contract', () => {
  const api = GENERATED.find(({ path }) => path === 'apps/api-gateway/openapi.json')
  assert.ok(api)
  const listOf = (document: object): Generated[] => [{ ...api, make: () => Promise.resolve(JSON.stringify(document)) }]
  const withoutNote = documentOf()
  delete withoutNote.made.properties['note']

  it('refuses a broken contract, written or committed, until its sentence stands with a reason among the accepted ones', async () => {
    const planted = plant({ [api.path]: JSON.stringify(documentOf().document) })
    commit(planted.root, 'the contract')
    const refused = shown(await checkGenerated(planted.root, true, listOf(withoutNote.document)))
    const [, sentence = ''] = /breaks callers: (POST \/v1\/things: remove responses 201 note)\. Add instead/.exec(refused.join('\n')) ?? []
    assert.notEqual(sentence, '', refused.join('\n'))
    planted.write(api.path, JSON.stringify(withoutNote.document))
    commit(planted.root, 'a field less')
    assert.deepEqual(shown(await checkGenerated(planted.root, false, listOf(withoutNote.document))), refused)
    planted.write(ACCEPTED, JSON.stringify({ [sentence]: ' ' }))
    assert.deepEqual(shown(await checkGenerated(planted.root, false, listOf(withoutNote.document))), refused)
    planted.write(ACCEPTED, JSON.stringify({ [sentence]: 'nobody has used it yet' }))
    assert.deepEqual(await checkGenerated(planted.root, false, listOf(withoutNote.document)), [])
    planted.remove()
  })

  it('says so where git knows no earlier state', async () => {
    const planted = plant({})
    const notes: string[] = []
    const faults = await checkGenerated(planted.root, true, listOf(withoutNote.document), (text) => notes.push(text))
    assert.deepEqual([faults, notes], [[], [`${api.path} has no earlier state in git here: nothing to compare it with`]])
    planted.remove()
  })
})
