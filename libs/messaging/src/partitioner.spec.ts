import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { newId } from '@catamaran/contracts'
import { Partitioners, type PartitionMetadata } from 'kafkajs'
import { createPartitioner } from './partitioner.js'

const partitions = (count: number): PartitionMetadata[] =>
  Array.from({ length: count }, (_, partitionId) => ({ partitionId, partitionErrorCode: 0, leader: 1, replicas: [], isr: [] }))

test("a key goes to the partition that kafkajs's own partitioner would choose", () => {
  const ours = createPartitioner()
  const theirs = Partitioners.DefaultPartitioner()
  const keys = [...Array.from({ length: 500 }, () => newId('order')), ...Array.from({ length: 500 }, (_, size) => randomBytes(size % 40))]
  for (const key of keys) {
    const given = { topic: 'orders', partitionMetadata: partitions(12), message: { key, value: null } }
    assert.equal(ours(given), theirs(given))
  }
})

test('a message keeps the partition it names, and goes to the first without a key', () => {
  const choose = createPartitioner()
  assert.equal(choose({ topic: 'orders', partitionMetadata: partitions(12), message: { key: 'k', value: null, partition: 7 } }), 7)
  assert.equal(choose({ topic: 'orders', partitionMetadata: partitions(12), message: { value: null } }), 0)
})
