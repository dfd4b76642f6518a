export interface RepeatingOptions {
  /** The pause between the end of one round and the start of the next, in milliseconds. */
  readonly everyMs: number
  readonly round: () => Promise<void>
  /** Hears of a round that failed; the next one comes all the same. */
  readonly failed: (error: unknown) => void
}

/**
 * A job that looks again and again for what is due, in rounds that never overlap.
 * Example: `const sweeps = new Repeating({ everyMs: 1_000, round: () => this.sweep(), failed })`, then `sweeps.start()`.
 */
export class Repeating {
  private timer: NodeJS.Timeout | undefined
  private running: Promise<void> = Promise.resolve()

  constructor(private readonly options: RepeatingOptions) {}

  /** The first round comes after one pause. */
  start(): void {
    this.timer = setTimeout(() => {
      this.running = this.options
        .round()
        .catch(this.options.failed)
        .finally(() => {
          if (this.timer !== undefined) this.start()
        })
    }, this.options.everyMs)
  }

  /** Ends it and waits for the round in hand: call it while the stores are still there. */
  async stop(): Promise<void> {
    clearTimeout(this.timer)
    this.timer = undefined
    await this.running
  }
}
