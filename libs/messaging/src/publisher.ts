import type { Kafka, Producer, TopicMessages } from 'kafkajs'
import { SHORT_RETRY } from './kafka.js'
import { createPartitioner } from './partitioner.js'

/**
 * An idempotent producer (acks all) that is thrown away after each failure. kafkajs takes back its sequence numbers when a send fails, so
 * the broker would take other messages under the same numbers for repetitions of what it had written after all, and drop them.
 */
export class Publisher {
  private producer: Promise<Producer> | undefined

  constructor(private readonly kafka: Kafka) {}

  /** Sends and waits for the acknowledgement. After an error nothing is known: send the same again. @throws KafkaJSError */
  async send(topicMessages: TopicMessages[]): Promise<void> {
    const connecting = (this.producer ??= this.connect())
    try {
      const producer = await connecting
      await producer.sendBatch({ acks: -1, timeout: 5_000, topicMessages })
    } catch (error) {
      if (this.producer === connecting) this.producer = undefined
      connecting.then((producer) => producer.disconnect()).catch(() => undefined)
      throw error
    }
  }

  async close(): Promise<void> {
    const producer = await this.producer?.catch(() => undefined)
    this.producer = undefined
    await producer?.disconnect()
  }

  private async connect(): Promise<Producer> {
    const producer = this.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner,
      retry: SHORT_RETRY,
    })
    try {
      await producer.connect()
      return producer
    } catch (error) {
      await producer.disconnect().catch(() => undefined)
      throw error
    }
  }
}
