import { setTimeout as delay } from 'node:timers/promises'
import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { causesOf, LOGGER, type Logger } from '@catamaran/platform'
import { ExportsService } from './exports.service.js'
import type { DueExport } from './exports.repository.js'

const POLL_MS = 1_000
/** A gathering is given up before its lease ends, so that two never run at once. */
const LEASE_MS = 10 * 60_000
const GATHER_MS = LEASE_MS - 60_000
const PRUNE_EVERY_MS = 60_000

const backoffMs = (attempts: number): number => Math.min(500 * 2 ** attempts, 3_600_000)

/** Gathers exports one after the other. What a process that died had in hand is taken by the next one when its lease ends. */
@Injectable()
export class ExportsWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stopping = new AbortController()
  private running: Promise<void> = Promise.resolve()
  private pruneAt = 0

  constructor(
    private readonly exports: ExportsService,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.running = this.run()
  }

  /** Gives up what is in hand: it is small to do again. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort()
    await this.running
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping
    while (!signal.aborted) {
      const hadWork = await this.round().catch((error: unknown) => {
        this.logger.warn({ causes: causesOf(error) }, 'exports wait for the database')
        return false
      })
      if (!hadWork) await delay(POLL_MS, undefined, { signal }).catch(() => undefined)
    }
  }

  private async round(): Promise<boolean> {
    if (performance.now() >= this.pruneAt) {
      await this.exports.prune()
      this.pruneAt = performance.now() + PRUNE_EVERY_MS
    }
    const due = await this.exports.takeDue(LEASE_MS)
    if (due === undefined) return false
    await this.gather(due)
    return true
  }

  private async gather(due: DueExport): Promise<void> {
    try {
      await this.exports.gather(due, AbortSignal.any([this.stopping.signal, AbortSignal.timeout(GATHER_MS)]))
      this.logger.info({ exportId: due.id, attempts: due.attempts }, 'export gathered')
    } catch (error) {
      const isStopping = this.stopping.signal.aborted
      if (!isStopping) this.logger.warn({ exportId: due.id, attempts: due.attempts, causes: causesOf(error) }, 'export put off')
      await this.exports.putOff(due, isStopping ? 0 : backoffMs(due.attempts))
    }
  }
}
