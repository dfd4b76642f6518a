import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { createPsp } from '../src/psp.js'

const server = createPsp()
after(() => server.close().closeAllConnections())

test('the page says what it will be, the probe answers, an unknown path is 404', async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  assert.match(await (await fetch(url)).text(), /payment service provider/)
  assert.equal((await fetch(`${url}/livez`)).status, 200)
  assert.equal((await fetch(`${url}/v1/payments`)).status, 404)
})
