import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { newId, uuidOf, type ProductId, type SellerId } from '@catamaran/contracts'
import { until } from '@catamaran/testing'
import fc from 'fast-check'
import type { Facet, Facets, ProductPage } from '../src/catalogue/catalogue.schema.js'
import { facetsOf, MOST_HITS, MOST_RANKED, RANKED, SORTED, WALKED, WALKED_IN_CATEGORY } from '../src/catalogue/search.sql.js'
import { freshKey, Harness, orderOf } from './harness.js'
import { FITS, hitsOf, insertCatalogue, made, ordered, queries, SELLERS, type Made, type Query } from './search-model.js'

let harness: Harness
let url: string

before(async () => {
  harness = await Harness.create('search')
  url = (await harness.start()).url
  await insertCatalogue(harness.database)
})
after(() => harness.close())

const ask = (query: Query) => {
  const given = Object.entries(query).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]]))
  return harness.call(url, 'GET', `/v1/products?${new URLSearchParams(given)}`)
}
const page = async (query: Query): Promise<ProductPage> => {
  const { status, body } = await ask(query)
  assert.equal(status, 200, JSON.stringify([query, body]))
  return body as ProductPage
}
/** All pages of a list; `between` runs after each but the last. */
const all = async (query: Query, between: (shown: ProductId[]) => Promise<unknown> = async () => undefined) => {
  const shown: ProductId[] = []
  for (let cursor: string | undefined; ;) {
    const { items, nextCursor } = await page({ limit: 100, ...query, cursor })
    shown.push(...items.map(({ id }) => id))
    if (nextCursor === null) return shown
    cursor = nextCursor
    await between(shown)
  }
}

test('whatever filters and order are asked for, the pages together are what the table holds, in order', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(queries, async (query) => {
      const expected = ordered(query)
      const limit = Math.min(100, Math.max(1, Math.ceil(expected.length / 7)))
      assert.deepEqual(await all({ ...query, limit }), expected)
    }),
    { numRuns: 25, seed: 9, endOnFailure: true },
  )
})

const OWN: Record<Facet, string[]> = {
  category: ['category'],
  seller: ['seller'],
  price: ['minPriceMinor', 'maxPriceMinor'],
  availability: ['availability'],
}
const FACETS = Object.keys(OWN) as Facet[]
/** A facet counted anew: each of its values is a filter, and counts what fits that and all other filters but the facet's own. */
const isCounted = (query: Query, facet: Facet, found: Facets): void => {
  const without = Object.fromEntries(OWN[facet].map((filter) => [filter, undefined]))
  const base = hitsOf({ ...query, ...without })
  const { isExact, values } = found[facet] as { isExact: boolean; values: { count: number; [filter: string]: string | number }[] }
  const fitting = (value: (typeof values)[number]) =>
    base.filter((product) => Object.entries(value).every(([filter, wanted]) => FITS[filter]?.(product, wanted) ?? true)).length
  const told = JSON.stringify([query, facet, values])
  const { q, category, seller, minPriceMinor, maxPriceMinor, availability } = { ...query, ...without }
  const isNarrowed = [q, category, seller].some((filter) => filter !== undefined)
  const isFiltered = isNarrowed && [minPriceMinor, maxPriceMinor, availability].some((filter) => filter !== undefined)
  assert.equal(isExact, hitsOf({ q, category, seller }).length <= (isFiltered ? MOST_HITS.filtered : MOST_HITS.plain), told)
  for (const value of values) assert.ok(isExact ? value.count === fitting(value) : value.count >= 1 && value.count <= fitting(value), told)
  if (isExact)
    assert.equal(
      values.reduce((sum, { count }) => sum + count, 0),
      base.length,
      told,
    )
  assert.deepEqual(
    values.map(({ count }) => count),
    values.map(({ count }) => count).toSorted((a, b) => b - a),
    told,
  )
}

test(
  'facets equal a recount, each with all filters but its own, and say so where there are too many to count',
  { timeout: 120_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(queries, fc.subarray(FACETS, { minLength: 1 }), async (query, facets) => {
        const found = (await page({ ...query, facets: facets.join(','), limit: 1 })).facets as Facets
        assert.deepEqual(Object.keys(found).toSorted(), facets.toSorted())
        for (const facet of facets) isCounted(query, facet, found)
      }),
      { numRuns: 40, seed: 9, endOnFailure: true },
    )
    const { facets } = await page({ facets: 'category,seller' })
    assert.equal(facets?.category?.isExact, false)
    const { seller, ...none } = (await page({ q: 'unique', facets: 'seller' })).facets as Facets
    assert.deepEqual([none, seller], [{}, { isExact: true, values: [{ seller: SELLERS[77 % 12], name: 'Seller 6', count: 1 }] }])
    assert.deepEqual((await page({ q: 'zeppelin', facets: 'price' })).facets, { price: { isExact: true, values: [] } })
    assert.equal('facets' in (await page({})), false)
  },
)

const change = (id: ProductId, set: string) =>
  harness.database.query({ name: '', text: `update product set ${set}, version = version + 1 where id = $1` }, [uuidOf(id)])

for (const sort of ['newest', 'price', '-price', 'relevance'])
  for (const base of [{ q: 'zebra' }, { category: 'tools' }])
    if (sort !== 'relevance' || 'q' in base)
      test(`by ${sort}, ${Object.keys(base)[0]}: what stays as it is is shown once, while products come, go and change`, async () => {
        const query = { ...base, sort, currency: 'EUR', limit: 20 }
        const hits = hitsOf(query)
        const [gone, changed] = [hits.at(-1) as Made, hits.at(-2) as Made]
        const extra: ProductId[] = []
        const text = "select id from product where status = 'withdrawn'"
        const shown = await all(query, async () => {
          extra.push(
            await harness.product(5, { name: 'zebra thing', category: 'tools', priceMinor: 100 + extra.length * 5000, description: '' }),
          )
          await change(gone.id, "status = 'withdrawn'")
          await change(changed.id, "description = description || ' x'")
        })
        assert.ok(extra.length > 1)
        assert.equal((await harness.database.query({ name: '', text })).length, 1)
        const kept = shown.filter((id) => !extra.includes(id) && id !== gone.id)
        assert.deepEqual(
          kept.toSorted(),
          hits
            .map(({ id }) => id)
            .filter((id) => id !== gone.id)
            .toSorted(),
        )
        if (sort !== 'relevance')
          assert.deepEqual(
            kept,
            ordered(query).filter((id) => id !== gone.id),
          )
        for (const id of extra) await change(id, "status = 'withdrawn', name = 'gone'")
        await change(gone.id, "status = 'active'")
        await change(changed.id, "description = ''")
        await harness.database.query({
          name: '',
          text: "delete from stock where product_id in (select id from product where name = 'gone')",
        })
        await harness.database.query({ name: '', text: "delete from product where name = 'gone'" })
      })

test('a page that was looked for far enough ends, and the next one goes on from there', async () => {
  const query = { category: 'tea', availability: 'sold_out' }
  assert.deepEqual(await all(query), ordered(query))
  const far = { availability: 'sold_out', currency: 'EUR', minPriceMinor: (made[2] as Made).price, maxPriceMinor: (made[2] as Made).price }
  const first = await page(far)
  assert.ok(first.nextCursor !== null && first.items.length < ordered(far).length)
  assert.deepEqual(await all(far), ordered(far))
})

test('relevance ranks a bounded number of hits, each one a hit', async () => {
  const shown = await all({ q: 'oak', category: 'tea' })
  assert.equal(shown.length, MOST_RANKED)
  const hits = new Set(ordered({ q: 'oak' }))
  assert.ok(shown.every((id) => hits.has(id)) && new Set(shown).size === shown.length)
})

test('what is called so comes before what mentions it, however many older products do', async () => {
  assert.deepEqual(await all({ q: 'quartz' }), [])
  const mentions = made.filter(({ name }) => name.startsWith('thing brass')).slice(0, MOST_RANKED + 50)
  const text = 'update product set description = $2 where id = any($1::uuid[])'
  await harness.database.query({ name: '', text }, [mentions.map(({ id }) => uuidOf(id)), 'Next to quartz.'])
  const [first, last] = [await harness.product(5, { name: 'Quartz', category: 'tea' }), await harness.product(5, { name: 'Quartz clock' })]
  assert.deepEqual(
    (await page({ q: 'quartz' })).items
      .slice(0, 2)
      .map(({ id }) => id)
      .toSorted(),
    [first, last],
  )
  assert.equal((await all({ q: 'quartz' })).length, MOST_RANKED)
  assert.equal((await all({ q: 'quartz', sort: 'newest' })).length, mentions.length + 2)
  assert.deepEqual(await all({ q: 'quartz -clock -brass' }), [first])
  assert.deepEqual(await all({ q: 'quartz', category: 'tea' }), [first])
})

test('bad input is told with a pointer, and a cursor of another list is refused', async () => {
  const pointers = async (query: Query): Promise<string[]> => {
    const { status, body } = await ask(query)
    assert.deepEqual([status, body.code], [400, 'request.invalid'], JSON.stringify(query))
    return body.errors.map(({ pointer }: { pointer: string }) => pointer)
  }
  for (const [query, ...expected] of [
    [{ sort: 'dearest' }, '/sort'],
    [{ sort: 'relevance' }, '/sort'],
    [{ sort: 'price' }, '/currency'],
    [{ sort: '-price', q: 'oak' }, '/currency'],
    [{ minPriceMinor: 5 }, '/currency'],
    [{ maxPriceMinor: 5 }, '/currency'],
    [{ maxPriceMinor: 5, currency: 'eur' }, '/currency'],
    [{ minPriceMinor: -1, currency: 'EUR' }, '/minPriceMinor'],
    [{ minPriceMinor: 1.5, currency: 'EUR' }, '/minPriceMinor'],
    [{ maxPriceMinor: '', currency: 'EUR' }, '/maxPriceMinor'],
    [{ maxPriceMinor: '1e400', currency: 'EUR' }, '/maxPriceMinor'],
    [{ minPriceMinor: 6, maxPriceMinor: 5, currency: 'EUR' }, '/minPriceMinor'],
    [{ availability: 'some' }, '/availability'],
    [{ seller: newId('product') }, '/seller'],
    [{ category: "a' or b" }, '/category'],
    [{ facets: 'colour' }, '/facets/0'],
    [{ facets: 'price,price' }, '/facets'],
    [{ facets: '' }, '/facets/0'],
  ] as const)
    assert.deepEqual(await pointers(query), expected, JSON.stringify(query))
  const list = { q: 'oak', currency: 'EUR', sort: 'price', limit: 1 } as const
  const cursor = (await page(list)).nextCursor ?? ''
  assert.equal((await page({ ...list, limit: 5, facets: 'price', cursor })).items.length, 5, 'how much is shown is not what the list is')
  for (const other of [
    { q: 'lamp' },
    { sort: '-price' },
    { sort: 'newest' },
    { sort: undefined },
    { category: 'tea' },
    { currency: 'USD' },
    { minPriceMinor: 1 },
  ])
    assert.equal((await ask({ ...list, ...other, cursor })).body.code, 'request.invalid-cursor', JSON.stringify(other))
})

test('words are words: what looks like a filter of the index finds nothing, stop words find nothing', async () => {
  for (const q of ['=tea', "'=tea'", `=${uuidOf(SELLERS[0] as SellerId)}`, 'the', 'and or', `"'`, '\\', "oak' | '=tea"])
    assert.deepEqual(
      (await page({ q, facets: 'category' })).items.filter(({ name }) => !name.includes('oak')),
      [],
      q,
    )
  assert.deepEqual((await page({ q: 'the', category: 'tea' })).items, [])
})

interface Plan {
  'Node Type': string
  'Relation Name'?: string
  Plans?: Plan[]
}
const scansOf = (plan: Plan): string[] => [
  ...(plan['Node Type'] === 'Seq Scan' ? [plan['Relation Name'] ?? ''] : []),
  ...(plan.Plans ?? []).flatMap(scansOf),
]

test('no statement reads all products or all stock, whatever the values', async () => {
  const statements = [
    ...[RANKED, facetsOf(FACETS, true), facetsOf(FACETS, false)],
    ...[SORTED, WALKED, WALKED_IN_CATEGORY].flatMap((orders) => Object.values(orders)),
  ]
  await harness.database.transaction(async (tx) => {
    await tx.query({ name: '', text: 'set local plan_cache_mode = force_generic_plan' })
    for (const { name, text } of statements) {
      const parameters = new Set([...text.matchAll(/\$(\d+)/g)].map(([parameter]) => parameter))
      const [row] = await tx.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
        { name: '', text: `explain (format json) ${text}` },
        Array.from(parameters, () => null),
      )
      const scanned = row?.['QUERY PLAN'].flatMap(({ Plan }) => scansOf(Plan)).filter((table) => table !== 'seller') // which is one page here
      assert.deepEqual(scanned, [], name)
    }
  })
})

// The last one: no search finds its way after it.
test('searches that wait leave orders their connections, and what comes beyond a bound is refused at once', async () => {
  const buyer = await harness.buyer(url)
  const product = await harness.product(5)
  const text = `create or replace function matching_products(words text, of_category text, of_seller uuid, at_most integer)
    returns table (place tid, id uuid, category text, seller_id uuid, price_minor bigint, currency text, created_at timestamptz, search tsvector) language sql volatile
    as $$ select pg_advisory_xact_lock_shared(9); select null::tid, null::uuid, '', null::uuid, 1::bigint, '', now(), ''::tsvector limit 0 $$`
  await harness.database.query({ name: '', text })
  const searches = await harness.database.transaction(async (tx) => {
    await tx.query({ name: '', text: 'select pg_advisory_xact_lock(9)' })
    const sent = Array.from({ length: 40 }, () => ask({ q: 'oak', sort: 'newest' }))
    const waiting = { name: '', text: "select from pg_stat_activity where wait_event = 'advisory' and datname = current_database()" }
    await until(async () => (await harness.database.query(waiting)).length === 4, { message: 'four searches wait in the database' })
    assert.equal((await buyer.call('POST', '/v1/orders', orderOf([product, 1]), freshKey())).status, 201)
    assert.ok((await harness.database.query(waiting)).length <= 4, 'no more than four ever do')
    return sent
  })
  const codes = (await Promise.all(searches)).map(({ status, body }) => (status === 200 ? 'found' : body.code))
  assert.equal(codes.filter((code) => code === 'service.overloaded').length, 8)
  assert.ok(codes.every((code) => ['found', 'service.overloaded', 'service.unavailable'].includes(code)))
})
