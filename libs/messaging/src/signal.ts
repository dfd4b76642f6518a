/** Waits that end early: on a wake, or for good on stop. A wake that comes while nobody waits is kept for the next wait. */
export class Signal {
  private woken = false
  private stopped = false
  private finish: () => void = () => undefined
  private isWakeable = false
  private tellStop: () => void = () => undefined
  /** Resolves on stop. */
  readonly stopping = new Promise<void>((resolve) => {
    this.tellStop = resolve
  })

  get isStopped(): boolean {
    return this.stopped
  }

  /** What was waiting to be looked at is looked at now. */
  clear(): void {
    this.woken = false
  }

  wake(): void {
    this.woken = true
    if (this.isWakeable) this.finish()
  }

  stop(): void {
    this.stopped = true
    this.tellStop()
    this.finish()
  }

  /** Waits for a wake, at most `ms`. */
  idle(ms: number): Promise<void> {
    return this.woken ? Promise.resolve() : this.wait(ms, true)
  }

  /** Waits `ms` whether woken or not. */
  pause(ms: number): Promise<void> {
    return this.wait(ms, false)
  }

  private wait(ms: number, isWakeable: boolean): Promise<void> {
    if (this.stopped) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.finish(), ms)
      this.isWakeable = isWakeable
      this.finish = () => {
        clearTimeout(timer)
        this.isWakeable = false
        this.finish = () => undefined
        resolve()
      }
    })
  }
}
