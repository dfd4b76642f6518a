import { causesOf } from '@catamaran/platform'
import type { Consumer, Kafka } from 'kafkajs'
import { topicsOf, type GroupHandlers } from './handlers.js'
import { CONSUMER_RETRY } from './kafka.js'
import { HEARTBEAT_MS, MessageLoop, type LoopDeps } from './message-loop.js'
import { Signal } from './signal.js'
import { within } from './within.js'

const BACKOFF_MS = { first: 100, most: 2_000 }
/** A fetch that finds nothing waits this long on the broker; a paused partition is looked at again after at most this. */
const FETCH_WAIT_MS = 500
const PARTITION_BYTES = 262_144

type State = 'stopped' | 'consuming' | 'waiting for Kafka'

/**
 * One consumer group of a process. kafkajs restarts after some errors and gives up for good after others; here each failure ends the
 * consumer, and a new one is made after a backoff, for ever.
 */
export class GroupConsumer {
  private readonly signal = new Signal()
  private readonly loop: MessageLoop
  private running: Promise<void> = Promise.resolve()
  private state: State = 'stopped'

  constructor(
    private readonly handlers: GroupHandlers,
    private readonly deps: LoopDeps & { kafka: Kafka },
  ) {
    this.loop = new MessageLoop(handlers, deps)
  }

  /** Connects and consumes in the background. */
  start(): void {
    this.deps.metrics.start(this.handlers.group)
    this.running = this.run()
  }

  /** Finishes the messages in hand, commits and leaves the group; gives up waiting after `closeMs`. */
  async close(): Promise<void> {
    this.signal.stop()
    await within(this.deps.options.closeMs ?? 8_000, this.running)
  }

  private async run(): Promise<void> {
    let backoffMs = BACKOFF_MS.first
    while (!this.signal.isStopped) {
      const error = await this.consume()
      if (this.state === 'consuming') backoffMs = BACKOFF_MS.first
      this.deps.metrics.forget(this.handlers.group)
      if (!this.signal.isStopped) this.enter('waiting for Kafka', error)
      await this.signal.pause(backoffMs)
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MS.most)
    }
    this.enter('stopped')
  }

  /** One consumer's life. @returns why it ended; undefined when it was told to stop */
  private async consume(): Promise<unknown> {
    const { kafka, options } = this.deps
    const { group, lingerMs } = this.handlers
    const consumer = kafka.consumer({
      groupId: options.kafka.topicPrefix + group,
      sessionTimeout: options.sessionMs ?? 6_000,
      rebalanceTimeout: 30_000,
      heartbeatInterval: HEARTBEAT_MS,
      maxWaitTimeInMs: lingerMs > 0 ? lingerMs : FETCH_WAIT_MS,
      minBytes: lingerMs > 0 ? PARTITION_BYTES : 1,
      maxBytesPerPartition: PARTITION_BYTES,
      retry: { ...CONSUMER_RETRY, restartOnFailure: () => Promise.resolve(false) },
    })
    const crashed = new Promise<unknown>((resolve) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.error))
    })
    consumer.on(consumer.events.GROUP_JOIN, () => {
      this.deps.metrics.forget(this.handlers.group)
      this.enter('consuming')
    })
    try {
      await this.begin(consumer)
      const ended = await Promise.race([crashed, this.signal.stopping])
      if (this.signal.isStopped) await this.loop.end()
      return ended
    } catch (error) {
      return error
    } finally {
      await consumer.disconnect().catch(() => undefined) // it was going away
      this.loop.close()
    }
  }

  private async begin(consumer: Consumer): Promise<void> {
    const { options } = this.deps
    await consumer.connect()
    const topics = topicsOf(this.handlers).map((topic) => options.kafka.topicPrefix + topic)
    await consumer.subscribe({ topics, fromBeginning: true })
    await consumer.run({
      autoCommit: false, // the loop does
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: options.concurrency ?? 12,
      eachBatch: (payload) => this.loop.eachBatch(payload),
    })
  }

  /** One log line per change of state, not per try. */
  private enter(state: State, error?: unknown): void {
    if (state === this.state) return
    const { group } = this.handlers
    const line = { group, was: this.state, ...(error === undefined ? {} : { causes: causesOf(error) }) }
    this.deps.options.logger[error === undefined ? 'info' : 'warn'](line, `consumer group ${group}: ${state}`)
    this.state = state
  }
}
