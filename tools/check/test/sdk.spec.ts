import assert from 'node:assert/strict'
import { it } from 'node:test'
import { checkGenerated, type Generated } from '../src/generated.js'
import { SDK_TYPES, sdkTypesOf } from '../src/sdk.js'
import { plant, shown } from './planted.js'

const responses = { 201: { description: 'Made' } }
const keyed = { operationId: 'Things.make', parameters: [{ name: 'Idempotency-Key', in: 'header', schema: { type: 'string' } }], responses }
const document = {
  openapi: '3.1.0',
  info: { title: 'T', version: '1' },
  paths: { '/v1/things': { post: keyed }, '/v1/others': { post: { operationId: 'Others.make', responses } } },
  components: { schemas: {} },
}

it('the types of the SDK follow the document, name what takes an Idempotency-Key, and are refused when changed by hand', async () => {
  const text = await sdkTypesOf(JSON.stringify(document))
  assert.match(text, /post: operations\["Others\.make"\]/)
  assert.match(text, /KEYED: readonly string\[\] = \[\n {2}'POST \/v1\/things',\n\]\n$/)
  const list: Generated[] = [{ path: SDK_TYPES, make: () => Promise.resolve(text) }]
  const planted = plant({ [SDK_TYPES]: text })
  assert.deepEqual(await checkGenerated(planted.root, false, list), [])
  planted.write(SDK_TYPES, text.replace('Others.make', 'Others.take'))
  assert.match(shown(await checkGenerated(planted.root, false, list)).join(), /libs\/sdk\/src\/api\.ts:\d+ is not what the code makes/)
  planted.remove()
})
