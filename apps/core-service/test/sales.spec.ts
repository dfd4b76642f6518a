import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { newId } from '@catamaran/contracts'
import { Harness } from './harness.js'

const PAGE = {
  items: [
    {
      ...{ day: '2026-01-02', productId: newId('product'), currency: 'EUR' },
      sold: { pieces: 3, amountMinor: 300 },
      cancelled: { pieces: 0, amountMinor: 0 },
      returned: { pieces: 1, amountMinor: 100 },
    },
  ],
  nextCursor: null,
}

let harness: Harness
let url: string
const asked: { path: string | undefined; authorization: string | undefined }[] = []
// aux-service's side has its own tests (apps/aux-service/test/sales.spec.ts): here it is what answers.
const aux = createServer((request, response) => {
  asked.push({ path: request.url, authorization: request.headers.authorization })
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(PAGE))
})

before(async () => {
  await new Promise<void>((resolve) => aux.listen(0, '127.0.0.1', resolve))
  harness = await Harness.create('core_sales', { AUX_URL: `http://127.0.0.1:${(aux.address() as AddressInfo).port}` })
  url = (await harness.start()).url
})
after(async () => {
  await harness.close()
  aux.close()
  aux.closeAllConnections()
})

const read = async (query: string, { sub = newId('partner') as string, scopes = ['orders'] } = {}) => {
  const authorization = `Bearer ${await harness.issuer.token({ sub, scopes, plan: 'growth' })}`
  return { authorization, answer: await harness.call(url, 'GET', `/v1/partner/sales${query}`, undefined, { authorization }) }
}

test("a partner's question about sales goes to aux-service with its own token, and what that answers comes back", async () => {
  const { authorization, answer } = await read('?from=2026-01-01&to=2026-01-31&limit=5')
  assert.deepEqual([answer.status, answer.body], [200, PAGE])
  assert.deepEqual(asked.at(-1), { path: '/internal/sales?limit=5&from=2026-01-01&to=2026-01-31', authorization })
})

test('a question that is not well put, or not by a partner with the scope, is refused here', async () => {
  const before = asked.length
  const refusals = [
    await read(''),
    await read('?from=2026-01-31&to=2026-01-01'),
    await read('?from=2026-01-01&to=2026-01-31', { scopes: ['catalogue'] }),
    await read('?from=2026-01-01&to=2026-01-31', { sub: newId('user') }),
  ]
  assert.deepEqual(
    refusals.map(({ answer }) => answer.body.code),
    ['request.invalid', 'request.invalid', 'auth.scope-missing', 'auth.scope-missing'],
  )
  assert.equal(asked.length, before)
})
