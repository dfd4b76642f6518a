import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { PutCommand } from '@aws-sdk/lib-dynamodb'
import { nextLink, type AuditLink } from '@catamaran/contracts'
import { AUDIT, createTables, Dynamo } from '@catamaran/data'
import { testScope } from '@catamaran/testing'
import { checkChains } from '../src/index.js'

const scope = testScope('audit_chain')
const dynamo = new Dynamo({ endpoint: scope.engines.dynamodbEndpoint, region: 'local', tablePrefix: scope.tablePrefix })
const CHAIN = 'orders#3'

const put = (link: AuditLink): Promise<unknown> => dynamo.send(new PutCommand({ TableName: dynamo.table(AUDIT), Item: link }))
/** A chain of as many links, each of one large event, so that reading it takes more than one page. */
const chainOf = (length: number): AuditLink[] => {
  const links: AuditLink[] = []
  for (let offset = 0; offset < length; offset++) {
    const event = {
      offset,
      id: `evt_${offset}`,
      type: 'orders.order.placed.v1',
      subject: 'ord_1',
      sequence: offset,
      digest: 'd'.repeat(300_000),
    }
    links.push(nextLink(CHAIN, links.at(-1), [event], offset, '2026-01-01T00:00:00.000Z'))
  }
  return links
}
const links = chainOf(6)

before(async () => {
  await createTables(dynamo, [AUDIT])
  for (const link of links) await put(link)
})
after(async () => {
  dynamo.onApplicationShutdown()
  await scope.close()
})

test('chains that nobody touched have no faults, however many pages they take and as long as nothing beyond them was committed', async () => {
  assert.deepEqual(await checkChains(dynamo), [])
  assert.deepEqual(await checkChains(dynamo, new Map([[CHAIN, 6]])), [])
})

test('a fault is one line that names its chain and link, and a lost end is one too', async () => {
  const fifth = links[4] as AuditLink
  await put({ ...fifth, writtenAt: '2026-01-01T00:00:00.001Z' })
  assert.deepEqual(await checkChains(dynamo), [`chain ${CHAIN}, link 5: it was altered: its hash is not that of what it holds`])
  await put(fifth)
  const lost = new Map([
    [CHAIN, 8],
    ['identity#0', 1],
  ])
  assert.deepEqual(await checkChains(dynamo, lost), [
    'chain identity#0, link 1: it is missing: offsets 0 to 0 were recorded',
    `chain ${CHAIN}, link 7: it is missing: offsets 6 to 7 were recorded`,
  ])
})
