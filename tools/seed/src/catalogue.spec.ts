import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { catalogue } from './catalogue.js'

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const { sellers, products } = catalogue()
const countOf = (items: readonly unknown[]) => new Set(items).size

test('there are 1,000 products with names, texts and ids of their own', () => {
  assert.equal(products.length, 1_000)
  for (const key of ['id', 'name', 'description'] as const) assert.equal(countOf(products.map((product) => product[key])), 1_000, key)
})

test('two calls give the same, and it is the catalogue that was agreed', () => {
  const hash = () => createHash('sha256').update(JSON.stringify(catalogue())).digest('hex')
  assert.equal(hash(), hash())
  // Changes with every change of the catalogue; orders of running demos name products by these ids.
  assert.equal(hash(), '075ccda2fc67d08cd21666fd2a4cfc767328b8d539ec5fbfb6ec8459d51eaee4')
})

test('ids are UUIDv7 that carry the time of creation', () => {
  for (const { id } of [...sellers, ...products]) assert.match(id, UUID_V7)
  for (const { id, createdAt } of products) assert.equal(Number.parseInt(id.replace('-', '').slice(0, 12), 16), createdAt.getTime())
})

test('twelve categories hold at least 40 products each', () => {
  const categories = Map.groupBy(products, ({ category }) => category)
  assert.equal(categories.size, 12)
  for (const [category, { length }] of categories) {
    assert.match(category, /^[a-z][a-z-]{1,40}$/)
    assert.ok(length >= 40, `${category}: ${length}`)
  }
})

test('40 sellers have names and slugs of their own, and each has something for sale', () => {
  assert.equal(sellers.length, 40)
  for (const key of ['id', 'name', 'slug'] as const) assert.equal(countOf(sellers.map((seller) => seller[key])), 40, key)
  for (const { slug } of sellers) assert.match(slug, /^[a-z0-9]+(-[a-z0-9]+)*$/)
  assert.deepEqual(new Set(products.map(({ sellerId }) => sellerId)), new Set(sellers.map(({ id }) => id)))
})

test('names and texts are clean and of a length that a page can show; a text has at least two sentences', () => {
  for (const { name, description } of products) {
    assert.ok(name.length >= 5 && name.length <= 100, name)
    assert.ok(description.length >= 50 && description.length <= 600, `${name}: ${description.length}`)
    assert.ok(description.split(/[.!?](?: |$)/).filter(Boolean).length >= 2, name)
    for (const text of [name, description]) assert.doesNotMatch(text, /^\s|\s\s|\s$|['"]|undefined/, name)
  }
})

test('prices are above zero and end as in a shop', () => {
  for (const { name, priceMinor } of products) {
    assert.ok(Number.isSafeInteger(priceMinor) && priceMinor > 0, name)
    assert.ok(priceMinor % 10 === 0 || priceMinor % 100 === 99, `${name}: ${priceMinor}`)
  }
})

test('stock runs from sold out to thousands, most of it in the tens', () => {
  const counts = products.map(({ stock }) => stock).toSorted((a, b) => a - b)
  const share = (low: number, high: number) => counts.filter((count) => count >= low && count <= high).length
  assert.ok(counts.every((count) => Number.isSafeInteger(count) && count >= 0 && count <= 5_000))
  assert.ok(share(0, 0) >= 5 && share(0, 0) <= 60, `${share(0, 0)} sold out`)
  assert.ok(share(1, 5) >= 20, `${share(1, 5)} low`)
  assert.ok(share(1_000, 5_000) >= 5, `${share(1_000, 5_000)} by the thousand`)
  assert.ok((counts[500] as number) > 10 && (counts[500] as number) < 200, `median ${counts[500]}`)
})

test('creation is spread over two years', () => {
  const months = new Set(products.map(({ createdAt }) => createdAt.toISOString().slice(0, 7)))
  assert.equal(months.size, 24)
  assert.deepEqual([[...months].toSorted()[0], [...months].toSorted().at(-1)], ['2024-10', '2026-09'])
})
