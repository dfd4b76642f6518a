import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { SpanKind } from '@opentelemetry/api'
import { Flags } from '@catamaran/flags'
import { causesOf, Repeating, runInContext, traced, traceparentOf, type LogFields } from '@catamaran/platform'
import { CONFIG, type Config } from '../config.js'
import { BusinessEvents } from '../events.js'
import { PaymentSignal } from './payment-signal.js'
import { PaymentsRepository, type Operation } from './payments.repository.js'
import { PaymentsService } from './payments.service.js'

/** Beyond the deadline of its call, how long an operation is one worker's own. */
const LEASE_MARGIN_MS = 5_000

/**
 * Carries out payment operations: leases what is due, as much as there are free hands, and hands each to PaymentsService. A worker that dies leaves leases that
 * end by themselves; what it had begun is begun again with the same key. While payments are switched off nothing is begun: it stays due. Every process runs one.
 */
@Injectable()
export class PaymentWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly polls: Repeating
  private readonly inHand = new Set<Promise<void>>()
  private isLeasing = false
  private isWoken = false
  private isStopping = false

  constructor(
    private readonly repository: PaymentsRepository,
    private readonly payments: PaymentsService,
    private readonly flags: Flags,
    private readonly events: BusinessEvents,
    signal: PaymentSignal,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    signal.onWake(() => this.look())
    this.polls = new Repeating({
      everyMs: config.payments.pollMs,
      round: () => this.lease(),
      failed: (error) => events.paymentsFailed(error),
    })
  }

  onApplicationBootstrap(): void {
    this.polls.start()
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopping = true
    await this.polls.stop()
    await Promise.all(this.inHand)
  }

  private look(): void {
    this.lease().catch((error: unknown) => this.events.paymentsFailed(error))
  }

  /** One statement at a time; what wakes it meanwhile makes it look once more. */
  private async lease(): Promise<void> {
    this.isWoken = true
    if (this.isLeasing) return
    this.isLeasing = true
    try {
      while (this.isWoken && !this.isStopping && this.flags.value('payments.enabled')) {
        this.isWoken = false
        const free = this.config.payments.concurrency - this.inHand.size
        if (free === 0) return // the first hand that is free looks again
        const operations = await this.repository.lease(free, this.config.release, this.config.psp.deadlineMs + LEASE_MARGIN_MS)
        for (const operation of operations) this.begin(operation)
        if (operations.length === free) this.isWoken = true
      }
    } finally {
      this.isLeasing = false
    }
  }

  private begin(operation: Operation): void {
    const { id, kind, traceparent } = operation
    const context = { requestId: id, traceparent: traceparentOf(traceparent), fields: {} as LogFields }
    const startedAt = performance.now()
    const carryOut = () => traced(`payment ${kind}`, { kind: SpanKind.INTERNAL }, () => this.payments.carryOut(operation))
    const work = runInContext(context, carryOut)
      .catch((error: unknown) => Object.assign(context.fields, { causes: causesOf(error) }))
      .then(() => {
        this.events.paymentTried(operation, context, performance.now() - startedAt)
        const wasFull = this.inHand.size >= this.config.payments.concurrency
        this.inHand.delete(work)
        if (wasFull && !this.isStopping) this.look()
      })
    this.inHand.add(work)
  }
}
