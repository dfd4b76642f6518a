import type { ServerResponse } from 'node:http'
import { AppError } from '@catamaran/platform'

/** How many requests each caller has in hand, so that one whose answers are slow can't take every connection. */
export class InHand {
  private readonly counts = new Map<string, number>()

  constructor(private readonly most: number) {}

  /** Counts a request in until its answer is done or its client gone. @throws AppError request.rate-limited */
  enter(who: string, response: ServerResponse): void {
    const count = this.counts.get(who) ?? 0
    if (count >= this.most) {
      throw new AppError('request.rate-limited', {
        detail: `At most ${this.most} of your requests may be in hand at once.`,
        retryAfterS: 1,
      })
    }
    this.counts.set(who, count + 1)
    response.once('close', () => this.leave(who))
  }

  private leave(who: string): void {
    const count = this.counts.get(who) ?? 0
    if (count > 1) this.counts.set(who, count - 1)
    else this.counts.delete(who)
  }
}
