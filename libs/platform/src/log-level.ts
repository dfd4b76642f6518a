import { z } from 'zod'
import type { Logger } from './logging.js'

const DEFAULT_S = 900
const MOST_S = 86_400

/** What an operator asks for: a level, and for how many seconds. */
export const LevelChange = z.strictObject({
  level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']),
  forS: z.int().min(1).max(MOST_S).default(DEFAULT_S),
})

/** The level of this process's log. It may be changed for a while, and goes back by itself: nobody has to remember that a process is loud. */
export class LogLevel {
  private readonly normal: string
  private until: Date | undefined
  private timer: NodeJS.Timeout | undefined

  constructor(private readonly logger: Logger) {
    this.normal = logger.level
  }

  state(): { level: string; normal: string; until: string | null } {
    return { level: this.logger.level, normal: this.normal, until: this.until?.toISOString() ?? null }
  }

  change({ level, forS }: z.infer<typeof LevelChange>): void {
    clearTimeout(this.timer)
    this.until = new Date(Date.now() + forS * 1_000)
    this.timer = setTimeout(() => this.goBack(), forS * 1_000).unref()
    this.turnTo(level)
  }

  private goBack(): void {
    this.until = undefined
    this.turnTo(this.normal)
  }

  private turnTo(level: string): void {
    this.logger.level = level
    this.logger.warn({ logLevel: level, until: this.until }, 'log level changed')
  }
}
