import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Client } from 'pg'
import { journey, type Journey } from '../src/journey.js'
import { initialised } from './canary.js'
import { measure, stopProbes } from './identities.js'
import { CANARY, releaseOf } from './installation.js'
import { good, release, withDeclining } from './releases.js'
import { World } from './world.js'

/** Flagger names the first metric that is out of bounds, by the alphabet: none of these orders is confirmed, since no payment comes. */
const isOfBusiness = (event: string): boolean => /advancement (orders-confirmed|payments-failed) /.test(event)
const isOfRequests = (event: string): boolean => /advancement (success rate|request duration) /.test(event)

let world: World
let buyer: Journey

before(async () => {
  world = await World.prepare(process.env['KUBECONFIG'] ?? '', 'shop')
  await world.install()
  const since = performance.now()
  await initialised(world, CANARY)
  console.log(`  the primary is there after ${((performance.now() - since) / 1000).toFixed(1)} s`)
  await world.ready()
})
after(async () => {
  await world?.close()
})

test('a buyer’s journey passes through the ingress gateway', async () => {
  buyer = await journey(world.system, (step, ms, detail) => console.log(`  ${step.padEnd(24)} ${ms.toFixed(0).padStart(5)} ms   ${detail}`))
})

test('the proxies let through what the call table has, by certificate, method and path, and refuse all else', async () => {
  try {
    const { measured, faults } = await measure(world)
    for (const { who, to, answered, refused } of measured)
      console.log(`  ${who.padEnd(36)} → ${to.padEnd(14)} ${answered} answered, ${refused} refused`)
    console.log(`  ${measured.reduce((sum, { answered, refused }) => sum + answered + refused, 0)} calls`)
    assert.deepEqual(faults, [])
  } finally {
    await stopProbes(world)
  }
})

test('a good release is shifted step by step and promoted, and no request fails', async () => {
  const { moments, said, answers } = await release(world, buyer, good())
  assert.equal(moments.at(-1)?.phase, 'Succeeded', said.join('\n'))
  assert.deepEqual(Object.keys(answers), ['ok'])
})

test('a release whose payments are all declined is rolled back, and no order outside its share saw it', async () => {
  await withDeclining(world, async (bad) => {
    const since = new Date()
    const { moments, said, answers } = await release(world, buyer, bad)
    assert.equal(moments.at(-1)?.phase, 'Failed', said.join('\n'))
    assert.ok(said.some(isOfBusiness), said.join('\n'))
    assert.ok(!said.some(isOfRequests), said.join('\n'))
    assert.deepEqual(Object.keys(answers), ['ok'], 'answers are as ever')
    const outcomes = await authorisations(since)
    for (const { release, status, count } of outcomes) console.log(`  ${release.padEnd(20)} ${status.padEnd(10)} ${count}`)
    const declined = outcomes.filter(({ status }) => status !== 'succeeded')
    assert.deepEqual(
      declined.map(({ release }) => release),
      [releaseOf(CANARY, bad)],
    )
  })
})

/** How the authorisations of the orders since then ended, by the release that took the order. */
const authorisations = async (since: Date): Promise<{ release: string; status: string; count: number }[]> => {
  const client = new Client({ connectionString: world.system.engines.databases.core })
  await client.connect()
  try {
    const asked =
      "select release, status, count(*)::int from payment_operation where kind = 'authorise' and created_at > $1 and finished_at is not null group by 1, 2"
    return (await client.query<{ release: string; status: string; count: number }>(asked, [since])).rows
  } finally {
    await client.end()
  }
}
