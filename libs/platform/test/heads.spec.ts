import assert from 'node:assert/strict'
import { request } from 'node:http'
import { test } from 'node:test'
import type { ServiceName } from '@catamaran/contracts'
import { createService, MAX_HEAD_BYTES } from '../src/service.js'

const nowhere = 'http://127.0.0.1:9'
/** What a service answers to a request whose one header has so many bytes. */
const statusOf = async (name: ServiceName, bytes: number): Promise<number | undefined> => {
  const service = await createService({
    name,
    config: {
      ...{ host: '127.0.0.1', port: 0, adminHost: '127.0.0.1', adminPort: 0, logLevel: 'silent', logFile: undefined, shutdownMs: 1_000 },
      tracing: { endpoint: undefined, ratio: 0 },
      ...{ issuer: nowhere, authUrl: nowhere, serviceKeyFile: '' },
    },
    module: () => ({ module: class {} }),
  })
  const { url } = await service.listen()
  try {
    return await new Promise((resolve, reject) => {
      const headers = { connection: 'close', cookie: 'x'.repeat(bytes) }
      request(url, { headers }, (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end()
    })
  } finally {
    await service.close()
  }
}

test('an inner service takes as many headers as the public door does, and those that the door adds', async () => {
  assert.equal(await statusOf('api-gateway', MAX_HEAD_BYTES.edge), 431)
  assert.notEqual(await statusOf('core-service', MAX_HEAD_BYTES.edge + 4_096), 431)
  assert.equal(await statusOf('core-service', MAX_HEAD_BYTES.inner), 431)
})
