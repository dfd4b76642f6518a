import type { Database } from './database.js'
import { percentages } from './input.js'

/** Faults of all calls, each in percent; the seed makes the draws repeatable. */
export interface FaultSettings {
  readonly seed: number
  readonly errorPercent: number
  readonly timeoutAfterSuccessPercent: number
  readonly slowPercent: number
  readonly slowMs: number
  readonly duplicateCallbackPercent: number
  readonly declinePercent: number
}

/** What one call must suffer. */
export interface Plan {
  /** Half of the errors come before the effect, half after it: a 500 tells nothing. */
  readonly error: 'before' | 'after' | undefined
  readonly isSilent: boolean
  readonly slowMs: number
  readonly callbackCopies: number
  readonly mustDecline: boolean
}

const NONE: Plan = { error: undefined, isSilent: false, slowMs: 0, callbackCopies: 1, mustDecline: false }

/** Faults on command. They outlive a restart, so a kill in the midst of a storm doesn't calm it. */
export class Faults {
  private settings: FaultSettings | undefined
  private state = 0
  private readonly save
  private readonly remove

  constructor(database: Database) {
    this.save = database.prepare("INSERT INTO setting VALUES ('faults', ?) ON CONFLICT DO UPDATE SET value = excluded.value")
    this.remove = database.prepare("DELETE FROM setting WHERE name = 'faults'")
    const kept = database.prepare("SELECT value FROM setting WHERE name = 'faults'").get()
    if (kept) this.apply(JSON.parse(kept['value'] as string) as FaultSettings)
  }

  /** Call it in a transaction. @throws BadInput */
  set(input: unknown): FaultSettings {
    const settings = percentages(input)
    this.save.run(JSON.stringify(settings))
    this.apply(settings)
    return settings
  }

  /** Call it in a transaction. */
  clear(): void {
    this.remove.run()
    this.settings = undefined
  }

  /** Draws what the next call suffers: the same number of draws for each call, so that one setting doesn't shift another's. */
  plan(): Plan {
    if (!this.settings) return NONE
    const { errorPercent, timeoutAfterSuccessPercent, slowPercent, slowMs, duplicateCallbackPercent, declinePercent } = this.settings
    const [error, when, silent, slow, duplicate, decline] = Array.from({ length: 6 }, () => this.draw()) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    return {
      error: error < errorPercent ? (when < 50 ? 'before' : 'after') : undefined,
      isSilent: silent < timeoutAfterSuccessPercent,
      slowMs: slow < slowPercent ? slowMs : 0,
      callbackCopies: duplicate < duplicateCallbackPercent ? 2 : 1,
      mustDecline: decline < declinePercent,
    }
  }

  private apply(settings: FaultSettings): void {
    this.settings = settings
    this.state = settings.seed
  }

  /** The next number from 0 up to 100, by mulberry32. */
  private draw(): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * 100
  }
}
