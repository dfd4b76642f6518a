// A process that commits events of one order, one transaction each, and publishes them, until it is killed.
// Arguments: database URL, brokers, topic prefix, order id, first sequence, and 'dies' to kill itself between commit and publishing.
import type { OrderId } from '@catamaran/contracts'
import { Database } from '@catamaran/data'
import { createLogger } from '@catamaran/platform'
import { Outbox, OutboxRelay } from '../../src/index.js'
import { orderPlaced } from '../setting.js'

const [url = '', brokers = '', topicPrefix = '', orderId = '', first = '1', mode = ''] = process.argv.slice(2)
const database = new Database({ url })
const outbox = new Outbox(database)
const relay = new OutboxRelay(outbox, {
  kafka: { brokers: brokers.split(','), topicPrefix },
  service: 'core-service',
  logger: createLogger('writer', 'silent'),
  leaseMs: 300,
})
if (mode !== 'dies') relay.onApplicationBootstrap()
for (let sequence = Number(first); ; sequence++) {
  await database.transaction((tx) => outbox.insert(tx, [orderPlaced(orderId as OrderId, sequence)]))
  process.stdout.write(`${sequence}\n`)
  if (mode === 'dies') process.kill(process.pid, 'SIGKILL')
  outbox.wake()
}
