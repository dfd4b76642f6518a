import './timer-patch.js'
import { setTimeout as delay } from 'node:timers/promises'
import { deadLetterTopic, TOPICS, type Topic } from '@catamaran/contracts'
import type { Logger } from '@catamaran/platform'
import { Kafka, logLevel, type Admin, type ITopicConfig, type RetryOptions } from 'kafkajs'
import type { KafkaConfig } from './env.js'

/** Tries within one connection or send; the loops around them go on for ever, so that a state change is one log line. */
export const SHORT_RETRY = { initialRetryTime: 100, maxRetryTime: 500, retries: 3 }

/**
 * Tries of a consumer before it is given up and made anew: three seconds. A member that outlives a short outage keeps its place in the
 * group; a new one waits until the old one's session has ended.
 */
export const CONSUMER_RETRY = { ...SHORT_RETRY, retries: 8 }

/** A kafkajs client whose own chatter is told at debug: what matters is logged by those who use it. */
export const createKafka = ({ brokers }: KafkaConfig, clientId: string, logger?: Logger, retry: RetryOptions = SHORT_RETRY): Kafka =>
  new Kafka({
    clientId,
    brokers,
    connectionTimeout: 2_000,
    requestTimeout: 10_000,
    retry,
    logLevel: logLevel.INFO, // our own level decides, which may change
    logCreator:
      () =>
      ({ namespace, log }) =>
        logger?.debug({ kafkajs: namespace, entry: log }, log.message),
  })

const DEAD_LETTER_RETENTION_MS = 30 * 24 * 3_600_000

export interface CreateTopicsOptions {
  /** Default: all of `TOPICS`. */
  topics?: readonly Topic[]
  /** Partitions of each, instead of what `TOPICS` says. */
  partitions?: number
  /** How to go on trying while Kafka is starting. Default: give up soon. */
  retry?: RetryOptions
}

/**
 * Creates the topics that are missing, each with its dead-letter topic; safe to run twice and by two at once.
 * @throws KafkaJSError when Kafka is away
 */
export const createTopics = async (config: KafkaConfig, options: CreateTopicsOptions = {}): Promise<void> => {
  const { topics = Object.keys(TOPICS) as Topic[], partitions, retry } = options
  const wanted = topics.flatMap((topic): ITopicConfig[] => {
    const name = config.topicPrefix + topic
    return [
      { topic: name, numPartitions: partitions ?? TOPICS[topic] },
      {
        topic: deadLetterTopic(name),
        numPartitions: 1,
        configEntries: [{ name: 'retention.ms', value: String(DEAD_LETTER_RETENTION_MS) }],
      },
    ]
  })
  const admin = createKafka(config, 'catamaran-topics', undefined, retry).admin()
  await admin.connect()
  try {
    const existing = new Set(await admin.listTopics())
    const missing = wanted.filter(({ topic }) => !existing.has(topic))
    if (missing.length === 0) return
    await admin.createTopics({ topics: missing, waitForLeaders: false })
    await untilLed(
      admin,
      missing.map(({ topic }) => topic),
    )
  } finally {
    await admin.disconnect()
  }
}

const LED_WITHIN_MS = 30_000

/** Waits until every partition has a leader. kafkajs's own wait gives up when the broker hasn't heard of a topic yet that its controller has made. */
const untilLed = async (admin: Admin, topics: string[]): Promise<void> => {
  const deadline = performance.now() + LED_WITHIN_MS
  const areLed = async (): Promise<boolean> => {
    const { topics: found } = await admin.fetchTopicMetadata({ topics })
    return (
      found.length === topics.length &&
      found.every(({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0))
    )
  }
  while (!(await areLed().catch((error: unknown) => performance.now() > deadline && Promise.reject(error as Error)))) {
    if (performance.now() > deadline) throw new Error(`After ${LED_WITHIN_MS} ms some of these topics have no leader: ${topics.join(', ')}`)
    await delay(20)
  }
}
