import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { createPartner } from '../src/partner.js'

const server = createPartner()
let url: string

before(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
after(() => server.close().closeAllConnections())

const received = async () =>
  (await (await fetch(`${url}/api/received`)).json()) as { path: string; body: string; headers: Record<string, string> }[]

test('what is posted is answered with 204 and shown with path, headers and body', async () => {
  const posted = await fetch(`${url}/hooks?x=1`, { method: 'POST', headers: { 'webhook-id': 'evt_1' }, body: '{"ok":true}' })
  assert.equal(posted.status, 204)
  const last = (await received()).at(-1)
  assert.deepEqual([last?.path, last?.body, last?.headers['webhook-id']], ['/hooks?x=1', '{"ok":true}', 'evt_1'])
})

test('the last 100 are kept, oldest first', async () => {
  for (let n = 1; n <= 101; n++) await fetch(url, { method: 'POST', body: String(n) })
  assert.deepEqual(
    (await received()).map(({ body }) => Number(body)),
    Array.from({ length: 100 }, (_, index) => index + 2),
  )
})

test('a body of more than 1 MiB is refused and not kept', async () => {
  const before = (await received()).length
  assert.equal((await fetch(url, { method: 'POST', body: 'x'.repeat(1024 * 1024 + 1) })).status, 413)
  assert.equal((await received()).length, before)
})

test('the page, the probe and an unknown path answer 200, 200 and 404', async () => {
  const statuses = await Promise.all(['/', '/livez', '/nothing'].map(async (path) => (await fetch(url + path)).status))
  assert.deepEqual(statuses, [200, 200, 404])
})
