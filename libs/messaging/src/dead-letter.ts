import { deadLetterTopic } from '@catamaran/contracts'
import { AppError } from '@catamaran/platform'
import type { KafkaMessage } from 'kafkajs'
import type { Publisher } from './publisher.js'

/** Why a message was given up: `code` is that of the AppError, else `internal`, or `message.malformed` for what is no event. */
export interface DeadReason {
  readonly code: string
  readonly message: string
  readonly attempts: number
}

const MAX_MESSAGE_LENGTH = 500

/**
 * Puts a message on its dead-letter topic as it came, with headers that say who gave it up, why, and where it was:
 * dead_group, dead_code, dead_message, dead_attempts, dead_topic, dead_partition, dead_offset, dead_time.
 * @throws AppError service.unavailable while it can't be written
 */
export const sendDeadLetter = async (
  publisher: Publisher,
  from: { topic: string; partition: number; group: string },
  message: KafkaMessage,
  reason: DeadReason,
): Promise<void> => {
  const headers = {
    ...message.headers,
    dead_group: from.group,
    dead_code: reason.code,
    dead_message: reason.message.slice(0, MAX_MESSAGE_LENGTH),
    dead_attempts: String(reason.attempts),
    dead_topic: from.topic,
    dead_partition: String(from.partition),
    dead_offset: message.offset,
    dead_time: new Date().toISOString(),
  }
  try {
    await publisher.send([{ topic: deadLetterTopic(from.topic), messages: [{ key: message.key, value: message.value, headers }] }])
  } catch (error) {
    throw new AppError('service.unavailable', { detail: 'The dead-letter topic could not be written.' }, { cause: error })
  }
}
