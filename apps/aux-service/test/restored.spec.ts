import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { newId } from '@catamaran/contracts'
import type { Service } from '@catamaran/platform'
import { Harness, orderFacts, partFacts } from './harness.js'

const TABLES = ['inbox', 'product_day', 'order_buyer', 'mail']
const GROUPS = ['aux.sales', 'aux.mails', 'aux.notifications']

let harness: Harness
let service: Service
let url: string

before(async () => {
  harness = await Harness.create('aux_restored')
  ;({ service, url } = await harness.start())
})
after(() => harness.close())

test('a database that is older than what its consumers have come to gets back what it forgot, once, when they are set back', async () => {
  const partner = newId('partner')
  const buyer = newId('user')
  const happens = async (): Promise<void> => {
    const facts = orderFacts(newId('seller'), buyer)
    await harness.publish('orders.order.placed.v1', facts.orderId, 1, { ...facts, holdExpiresAt: '2026-01-01T00:00:00.000Z' })
    const part = partFacts(partner)
    await harness.publish('orders.fulfilment.created.v1', part.orderId, 2, part)
    await harness.settled(GROUPS)
  }
  const day = new Date().toISOString().slice(0, 10)
  const effects = async () => ({
    sold: (await harness.sales(partner, url, { from: day, to: day })).body.items.length as number,
    mails: (await harness.query<{ n: number }>('select count(*) as n from mail'))[0]?.n,
    notifications: (await harness.notificationsOf(url, buyer)).items.length,
  })

  await happens()
  const before = await effects()
  for (const table of TABLES) await harness.query(`create table before_${table} as table ${table}`)
  await happens()
  await happens()
  const all = await effects()
  await service.close()
  for (const table of TABLES) await harness.query(`truncate ${table}`)
  for (const table of TABLES) await harness.query(`insert into ${table} select * from before_${table}`)

  ;({ service, url } = await harness.start())
  // The notifications lie in DynamoDB, which is not older.
  assert.deepEqual(await effects(), { ...before, notifications: all.notifications })
  await service.close()
  await harness.replayEverything()
  ;({ service, url } = await harness.start())
  await harness.settled(GROUPS)
  assert.deepEqual(await effects(), all)
})
