import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { idOf, newId, uuidOf, type DomainEvent, type ProductId } from '@catamaran/contracts'
import { RedisClient } from '@catamaran/data'
import { OutageProxy, until } from '@catamaran/testing'
import { ProductCache } from '../src/catalogue/product-cache.js'
import { freshKey, Harness, orderOf } from './harness.js'

let harness: Harness
let url: string
let otherUrl: string

before(async () => {
  harness = await Harness.create('catalogue')
  url = (await harness.start()).url
  otherUrl = (await harness.start()).url
})
after(() => harness.close())

const get = (path: string, headers: Record<string, string> = {}, at = url) => harness.call(at, 'GET', path, undefined, headers)
const idsOf = (body: { items: { id: ProductId }[] }): ProductId[] => body.items.map(({ id }) => id)

test('products are listed newest first, in categories, page by page, without gaps or repeats', async () => {
  const made: ProductId[] = []
  for (let index = 0; index < 7; index++) made.unshift(await harness.product(1, { category: 'lighting', name: `Lamp ${index}` }))
  const seen: ProductId[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const { body }: Awaited<ReturnType<typeof get>> = await get(
      `/v1/products?category=lighting&limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`,
    )
    seen.push(...idsOf(body))
    cursor = body.nextCursor
  }
  assert.deepEqual(seen, made)
})

test('a full-text query finds by name, description and category, best first, and pages through equal ranks', async () => {
  const named = await harness.product(1, { name: 'Barometer', category: 'sailing' })
  const described = await harness.product(1, { name: 'Weather book about the barometer', category: 'books' })
  assert.deepEqual(new Set(idsOf((await get('/v1/products?q=barometers')).body)), new Set([named, described]))
  assert.deepEqual(idsOf((await get('/v1/products?q=barometer&category=books')).body), [described])
  assert.deepEqual(idsOf((await get('/v1/products?q=barometer+-weather')).body), [named])
  assert.deepEqual((await get('/v1/products?q=zeppelin')).body, { items: [], nextCursor: null })
  const equal = await Promise.all(Array.from({ length: 5 }, () => harness.product(1, { name: 'Sextant' })))
  const seen: ProductId[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const { body }: Awaited<ReturnType<typeof get>> = await get(`/v1/products?q=sextant&limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
    seen.push(...idsOf(body))
    cursor = body.nextCursor
  }
  assert.deepEqual(seen.toSorted(), equal.toSorted())
  assert.equal((await get(`/v1/products?q=${encodeURIComponent(`'; drop table product; -- <script> & | ! :*`)}`)).status, 200)
})

test('a product has an ETag, and whoever has it gets 304 without a body', async () => {
  const id = await harness.product(10)
  const { headers, body } = await get(`/v1/products/${id}`)
  assert.equal(body.id, id)
  const etag = headers.get('etag') ?? ''
  for (const match of [etag, `"x", ${etag}`, `W/${etag}`, '*']) {
    const known = await get(`/v1/products/${id}`, { 'if-none-match': match })
    assert.deepEqual([known.status, known.body, known.headers.get('etag')], [304, undefined, etag], match)
  }
  assert.equal((await get(`/v1/products/${id}`, { 'if-none-match': '"x"' })).status, 200)
})

test('when an order takes the last piece, every process shows the product as sold out', async () => {
  const id = await harness.product(6)
  const before = await Promise.all([get(`/v1/products/${id}`), get(`/v1/products/${id}`, {}, otherUrl)])
  assert.deepEqual(
    before.map(({ body }) => body.availability),
    ['in_stock', 'in_stock'],
  )
  const buyer = await harness.buyer(url)
  await buyer.call('POST', '/v1/orders', orderOf([id, 6]), freshKey())
  for (const at of [url, otherUrl]) {
    await until(async () => (await get(`/v1/products/${id}`, {}, at)).body.availability === 'sold_out', {
      message: `${at} shows it as sold out`,
    })
  }
  assert.notEqual((await get(`/v1/products/${id}`)).headers.get('etag'), before[0]?.headers.get('etag'))
})

test('an order that leaves enough does not change the page', async () => {
  const id = await harness.product(100)
  const etag = (await get(`/v1/products/${id}`)).headers.get('etag')
  const buyer = await harness.buyer(url)
  await buyer.call('POST', '/v1/orders', orderOf([id, 1]), freshKey())
  const [row] = await harness.database.query<{ version: number }>({ name: '', text: 'select version from product where id = $1' }, [
    uuidOf(id),
  ])
  assert.equal(`"${row?.version}"`, etag)
})

test('a slow reader cannot bring an old page back, here or in Redis', async () => {
  const redis = new RedisClient({ url: harness.scope.engines.redisUrl, keyPrefix: harness.scope.keyPrefix })
  await until(() => redis.status === 'ready')
  const [cache, other] = [new ProductCache(redis), new ProductCache(redis)]
  const id = idOf('product', '01a206eb-0000-7000-8000-00000000abcd')
  const changed = (sequence: number) => [{ type: 'catalogue.product.changed.v1', subject: id, sequence } as unknown as DomainEvent]
  cache.put(id, 1, '{"v":1}')
  cache.follow(changed(3))
  assert.equal(cache.put(id, 2, '{"v":2}').freshUntil, 0, 'older than what was announced: not fresh')
  await until(async () => (await other.fetchShared(id)) === undefined, { message: 'it is not in Redis either' })
  cache.put(id, 3, '{"v":3}')
  await until(async () => (await other.fetchShared(id))?.body === '{"v":3}')
  cache.put(id, 2, '{"v":2}')
  assert.equal((await other.fetchShared(id))?.version, 3)
  assert.equal(cache.get(id)?.version, 3)
  redis.disconnect()
})

test('a product that nobody made is not found, however often it is asked for', async () => {
  const id = newId('product')
  for (let index = 0; index < 3; index++) assert.equal((await get(`/v1/products/${id}`)).body.code, 'catalogue.product-not-found')
})

test('a process that may have missed an announcement takes no page for fresh', async () => {
  const proxy = await OutageProxy.before(harness.scope.engines.redisUrl)
  const redis = new RedisClient({ url: proxy.url, keyPrefix: harness.scope.keyPrefix })
  const cache = new ProductCache(redis)
  cache.onApplicationBootstrap()
  const id = newId('product')
  await until(() => cache.put(id, 1, '{}').freshUntil > Date.now() + 5_000, {
    message: 'it listens, so pages stay fresh for long',
  })
  assert.ok((cache.get(id)?.freshUntil ?? 0) > Date.now())
  proxy.cut()
  await until(() => cache.get(id)?.freshUntil === 0, { message: 'the page is stale' })
  proxy.restore()
  cache.onApplicationShutdown()
  redis.disconnect()
  await proxy.close()
})
