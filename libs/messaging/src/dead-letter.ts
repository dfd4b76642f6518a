import { deadLetterTopic } from '@catamaran/contracts'
import { AppError, causesOf } from '@catamaran/platform'
import type { IHeaders, KafkaMessage } from 'kafkajs'
import type { Publisher } from './publisher.js'

/** Why a message was given up: `code` is that of the AppError, else `internal`, or `message.malformed` for what is no event. */
export interface DeadReason {
  readonly code: string
  readonly message: string
  readonly attempts: number
}

export const reasonOf = (error: unknown, attempts: number): DeadReason => ({
  code: error instanceof AppError ? error.code : 'internal',
  message: causesOf(error).join('; ') || String(error),
  attempts,
})

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

/** A message that a group gave up, with why, and with no other header of the message than those of CloudEvents. */
export interface DeadLetter extends DeadReason {
  readonly group: string
  /** Where the message lay: the topic without prefix. */
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly time: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** `ce_*`, content-type and traceparent, as they came. */
  readonly headers: Readonly<Record<string, string>>
  /** The letter whose replay has failed, where the message was one. */
  readonly replayOf: string | undefined
}

const REPLAY_GROUP = 'replay_group'
const REPLAY_OF = 'replay_of'
const isKept = (name: string): boolean => name.startsWith('ce_') || name === 'content-type' || name === 'traceparent'

const text = (headers: IHeaders | undefined, name: string): string | undefined => {
  const value = headers?.[name]
  return value === undefined ? undefined : String(Array.isArray(value) ? value[0] : value)
}

/** Counts and offsets that somebody wrote into a header. */
const whole = (said: string | undefined, otherwise: number): number => {
  const number = Number(said ?? 'none')
  return Number.isSafeInteger(number) && number >= 0 ? number : otherwise
}

/** The letter that a message of a dead-letter topic is. Whatever lies there is one: what it does not say of itself is empty. */
export const letterOf = (deadTopic: string, prefix: string, partition: number, message: KafkaMessage): DeadLetter => {
  const { headers, key, value, offset, timestamp } = message
  const said = Date.parse(text(headers, 'dead_time') ?? '')
  const kept = Object.keys(headers ?? {}).filter(isKept)
  return {
    group: text(headers, 'dead_group') ?? '',
    code: text(headers, 'dead_code') ?? '',
    message: text(headers, 'dead_message') ?? '',
    attempts: whole(text(headers, 'dead_attempts'), 0),
    topic: deadTopic.slice(prefix.length, -deadLetterTopic('').length),
    partition: whole(text(headers, 'dead_partition'), partition),
    offset: whole(text(headers, 'dead_offset'), Number(offset)),
    time: new Date(Number.isNaN(said) ? Number(timestamp) : said).toISOString(),
    key,
    value,
    headers: Object.fromEntries(kept.map((name) => [name, text(headers, name) ?? ''])),
    replayOf: text(headers, REPLAY_OF),
  }
}

/** Whether a message is a replay for another group than this one. */
export const isForAnother = (headers: IHeaders | undefined, group: string): boolean => {
  const only = text(headers, REPLAY_GROUP)
  return only !== undefined && only !== group
}

/** What of a letter goes back to its topic. */
export type Replay = Pick<DeadLetter, 'group' | 'topic' | 'key' | 'value' | 'headers'> & { readonly id: string }

/**
 * Puts a letter's message on its topic again, for its group alone: all others skip it. It comes at least once, as any event; should it fail again, its
 * new letter names this one.
 * @throws KafkaJSError when nothing is known of it: send the same again
 */
export const replayLetter = async (
  publisher: Publisher,
  prefix: string,
  { id, group, topic, key, value, headers }: Replay,
): Promise<void> => {
  const messages = [{ key, value, headers: { ...headers, [REPLAY_GROUP]: group, [REPLAY_OF]: id } }]
  await publisher.send([{ topic: prefix + topic, messages }])
}
