// The floor of the outbox relay, in a process of its own: kafkajs alone, which sends messages like the relay's in batches of 500. It also makes
// the topics, so that kafkajs is nowhere else in the bench.
import { randomUUID } from 'node:crypto'
import { Kafka, logLevel, Partitioners, type Message } from 'kafkajs'
import { doJobs } from './worker.js'

export interface ProduceJob {
  readonly brokers: string[]
  readonly topic: string
  readonly count: number
  /** The value of every message. */
  readonly data: string
}

export interface TopicsJob {
  readonly brokers: string[]
  /** Partitions by name. */
  readonly topics: Record<string, number>
}

const BATCH = 500

const messageOf = (data: string): Message => {
  const subject = `ord_${randomUUID()}`
  const ids = { ce_id: `evt_${randomUUID()}`, ce_subject: subject }
  const rest = { ce_specversion: '1.0', ce_type: 'orders.order.placed.v1', ce_source: '/core-service', ce_sequence: '1' }
  return { key: subject, value: data, headers: { ...rest, ...ids, ce_time: new Date().toISOString(), 'content-type': 'application/json' } }
}

/** @returns events a second */
async function produce(kafka: Kafka, { topic, count, data }: ProduceJob): Promise<number> {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  const batch = () => producer.send({ topic, acks: -1, messages: Array.from({ length: BATCH }, () => messageOf(data)) })
  for (let sent = 0; sent < count / 10; sent += BATCH) await batch()
  const since = performance.now()
  for (let sent = 0; sent < count; sent += BATCH) await batch()
  const perSecond = count / ((performance.now() - since) / 1000)
  await producer.disconnect()
  return perSecond
}

/** @returns how many it made */
async function makeTopics(kafka: Kafka, topics: TopicsJob['topics']): Promise<number> {
  const admin = kafka.admin()
  await admin.connect()
  const wanted = Object.entries(topics).map(([topic, numPartitions]) => ({ topic, numPartitions }))
  await admin.createTopics({ topics: wanted, waitForLeaders: true })
  await admin.disconnect()
  return wanted.length
}

doJobs(async (job: ProduceJob | TopicsJob): Promise<number> => {
  const kafka = new Kafka({ clientId: 'bench-floor', brokers: job.brokers, logLevel: logLevel.ERROR })
  return 'topics' in job ? makeTopics(kafka, job.topics) : produce(kafka, job)
})
