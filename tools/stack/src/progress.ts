const REDRAW_MS = 120
const PLAIN_DETAIL_EVERY_MS = 3000

export type Say = (detail: string) => void

interface Step {
  readonly title: string
  readonly since: number
  detail: string
  tookMs?: number
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`

/** Tells what is going on: a live list on a terminal, plain lines elsewhere, nothing when quiet. */
export class Progress {
  private readonly steps: Step[] = []
  private readonly timer: NodeJS.Timeout | undefined
  private drawnLines = 0

  constructor(
    private readonly out: NodeJS.WriteStream,
    private readonly quiet: boolean,
  ) {
    if (this.isLive) this.timer = setInterval(() => this.draw(), REDRAW_MS).unref()
  }

  /** Shows a step while `work` runs; `say` adds what it is doing at the moment. */
  async step<T>(title: string, work: (say: Say) => Promise<T>): Promise<T> {
    const step: Step = { title, since: performance.now(), detail: '' }
    this.steps.push(step)
    let toldAt = performance.now()
    const result = await work((detail) => {
      step.detail = detail
      if (this.quiet || this.isLive || performance.now() - toldAt < PLAIN_DETAIL_EVERY_MS) return
      toldAt = performance.now()
      this.out.write(`  ${title}: ${detail} (${seconds(performance.now() - step.since)})\n`)
    })
    step.tookMs = performance.now() - step.since
    if (!this.quiet && !this.isLive) this.out.write(`  ${title} ready (${seconds(step.tookMs)})\n`)
    return result
  }

  /** A line of its own that stays: a death, a return, a warning. */
  note(line: string): void {
    this.clear()
    this.out.write(`${line}\n`)
    if (this.isLive) this.draw()
  }

  /** The list as it ended; nothing is drawn over it afterwards. */
  finish(): void {
    if (this.isLive) this.draw()
    clearInterval(this.timer)
    this.steps.length = 0
    this.drawnLines = 0
  }

  private get isLive(): boolean {
    return this.out.isTTY && !this.quiet
  }

  private clear(): void {
    if (this.drawnLines > 0) this.out.write(`\u001B[${this.drawnLines}A\u001B[J`)
    this.drawnLines = 0
  }

  private draw(): void {
    if (this.steps.length === 0) return
    const width = (this.out.columns || 80) - 1
    const lines = this.steps.map(({ title, since, detail, tookMs }) => {
      const text = tookMs === undefined ? `  … ${title} ${seconds(performance.now() - since)} ${detail}` : `  ✓ ${title} ${seconds(tookMs)}`
      return text.slice(0, width)
    })
    this.clear()
    this.out.write(`${lines.join('\n')}\n`)
    this.drawnLines = lines.length
  }
}
