import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DescribeTableCommand, DescribeTimeToLiveCommand } from '@aws-sdk/client-dynamodb'
import { GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { startTelemetry } from '@catamaran/platform'
import { figureOf, OutageProxy, testScope, until, type TestScope } from '@catamaran/testing'
import { createTables, Dynamo, isConditionFailed, type TableDefinition } from '../src/dynamo.js'
import { RedisClient } from '../src/redis.js'

const THINGS: TableDefinition = {
  name: 'things',
  partitionKey: { name: 'owner', type: 'S' },
  sortKey: { name: 'at', type: 'N' },
  ttl: 'expiresAt',
  indexes: [{ name: 'by-kind', partitionKey: { name: 'kind', type: 'S' } }],
}

let scope: TestScope
let proxy: OutageProxy
let dynamo: Dynamo

before(async () => {
  scope = testScope('stores')
  proxy = await OutageProxy.before(scope.engines.dynamodbEndpoint)
  dynamo = new Dynamo({ endpoint: proxy.url, region: 'local', tablePrefix: scope.tablePrefix })
  scope.onClose(async () => {
    dynamo.onApplicationShutdown()
    await proxy.close()
  })
})
after(() => scope.close())

test('tables are made as they are defined, once, by however many start at once', async () => {
  await Promise.all([createTables(dynamo, [THINGS]), createTables(dynamo, [THINGS])])
  await createTables(dynamo, [THINGS])
  const TableName = dynamo.table(THINGS)
  const { Table } = await dynamo.client.send(new DescribeTableCommand({ TableName }))
  assert.deepEqual(
    Table?.KeySchema?.map(({ AttributeName, KeyType }) => [AttributeName, KeyType]),
    [
      ['owner', 'HASH'],
      ['at', 'RANGE'],
    ],
  )
  assert.equal(Table?.GlobalSecondaryIndexes?.[0]?.IndexName, 'by-kind')
  const { TimeToLiveDescription } = await dynamo.client.send(new DescribeTimeToLiveCommand({ TableName }))
  assert.equal(TimeToLiveDescription?.AttributeName, 'expiresAt')
})

test('a failed condition is an answer that brings the item as it was', async () => {
  const TableName = dynamo.table(THINGS)
  const Item = { owner: 'a', at: 1, tags: { red: 1 } }
  await dynamo.send(new PutCommand({ TableName, Item }))
  const failed = await dynamo
    .send(
      new UpdateCommand({
        TableName,
        Key: { owner: 'a', at: 1 },
        UpdateExpression: 'set colour = :blue',
        ConditionExpression: 'attribute_exists(colour)',
        ExpressionAttributeValues: { ':blue': 'blue' },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }),
    )
    .catch((error: unknown) => error)
  assert.ok(isConditionFailed(failed))
  assert.deepEqual(failed.Item, Item)
})

test('an absent DynamoDB is told as unavailable, and used again by itself', async () => {
  const read = () => dynamo.send(new GetCommand({ TableName: dynamo.table(THINGS), Key: { owner: 'a', at: 1 } }))
  proxy.cut()
  await assert.rejects(read(), { code: 'service.unavailable' })
  proxy.restore()
  assert.equal((await until(read)).Item?.['owner'], 'a')
})

test('an absent Redis rejects at once, is told of as away, and is used again by itself', async () => {
  const scrape = startTelemetry('core-service')
  const breaker = async () => figureOf(await scrape('text'), 'circuit_breaker_state{peer="redis"}')
  const redisProxy = await OutageProxy.before(scope.engines.redisUrl)
  const redis = new RedisClient({ url: redisProxy.url, keyPrefix: scope.keyPrefix })
  scope.onClose(async () => {
    redis.onApplicationShutdown()
    await redisProxy.close()
  })
  await until(() => redis.set('key', 'value'), { message: 'it is connected' })
  redisProxy.cut()
  await until(() => redis.status !== 'ready', { message: 'the loss is seen' })
  const startedAt = performance.now()
  await assert.rejects(redis.get('key'))
  assert.ok(performance.now() - startedAt < 250)
  assert.equal(await breaker(), 1)
  redisProxy.restore()
  assert.equal(await until(() => redis.get('key'), { message: 'it answers again' }), 'value')
  assert.equal(await breaker(), 0)
  redis.pausedUntil = performance.now() + 60_000
  assert.equal(await breaker(), 1, 'too slow is as good as away')
})

test('a subscriber hears what another connection publishes', async () => {
  const redis = new RedisClient({ url: scope.engines.redisUrl })
  const subscriber = redis.newSubscriber()
  const heard: string[] = []
  subscriber.on('message', (_channel, message) => heard.push(message))
  await subscriber.subscribe(`${scope.id}.channel`)
  await until(() => redis.publish(`${scope.id}.channel`, 'hello'), { message: 'somebody subscribes' })
  await until(() => heard.length > 0, { message: 'it is heard' })
  assert.equal(heard[0], 'hello')
  subscriber.disconnect()
  redis.onApplicationShutdown()
})
