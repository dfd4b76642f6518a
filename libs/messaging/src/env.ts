import { env } from '@catamaran/platform'
import { z } from 'zod'

/** Environment variables of Kafka, for a service's configuration schema. */
export const kafkaEnv = { KAFKA_BROKERS: env.list, KAFKA_TOPIC_PREFIX: z.string().default('') }

const kafka = z.object(kafkaEnv)

/** The same, nested for `KafkaStrategy`, `OutboxRelay` and `createTopics`. */
export const kafkaConfig = (flat: z.infer<typeof kafka>) => ({ brokers: flat.KAFKA_BROKERS, topicPrefix: flat.KAFKA_TOPIC_PREFIX })

/** Where Kafka is, and what stands before the name of every topic and group (tests share a broker). */
export type KafkaConfig = ReturnType<typeof kafkaConfig>
