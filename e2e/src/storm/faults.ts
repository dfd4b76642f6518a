import { setTimeout as delay } from 'node:timers/promises'
import { findSystem } from '@catamaran/stack'
import type { Dice } from './dice.js'
import type { Witness } from './witness.js'
import type { World } from './world.js'

/** What may be struck, and how often beside the others. */
const TARGETS = {
  'core-service': 30,
  'aux-service': 15,
  'api-gateway': 8,
  'auth-service': 5,
  psp: 12,
  partner: 3,
  postgres: 8,
  redis: 8,
  kafka: 6,
  dynamodb: 5,
}
type Target = keyof typeof TARGETS

/** Strikes the parts of a system by a schedule that its dice make: kills them (the launcher brings them back), pauses them, makes the provider misbehave. */
export class Faults {
  constructor(
    private readonly dataDir: string,
    private readonly dice: Dice,
    private readonly witness: Witness,
    private readonly world: World,
    private readonly report: (line: string) => void,
  ) {}

  /** One round's strikes, within about `roundMs`. */
  async strike(roundMs: number): Promise<void> {
    const strikes = this.dice.between(1, 2)
    await this.misbehave()
    for (let left = strikes; left > 0; left--) {
      await delay(this.dice.between(Math.floor(roundMs / 10), Math.floor(roundMs / 2)))
      const target = this.dice.weighted(TARGETS)
      if (this.dice.chance(70)) this.kill(target)
      else await this.pause(target, this.dice.between(100, 1_200))
    }
  }

  /** Ends what the provider was told to do. */
  async calm(): Promise<void> {
    for (;;) {
      try {
        await this.world.psp('DELETE', '/control/faults')
        await this.world.receiver(undefined)
        return
      } catch {
        await delay(100) // it is being brought back
      }
    }
  }

  private async misbehave(): Promise<void> {
    const settings = {
      seed: this.dice.between(1, 1_000_000),
      errorPercent: this.dice.between(0, 15),
      timeoutAfterSuccessPercent: this.dice.between(0, 10),
      slowPercent: this.dice.between(0, 20),
      slowMs: this.dice.between(10, 400),
      duplicateCallbackPercent: this.dice.between(0, 30),
      declinePercent: this.dice.between(0, 5),
    }
    const receiver = {
      seed: settings.seed,
      error: this.dice.between(0, 15),
      close: this.dice.between(0, 10),
      slow: this.dice.between(0, 10),
      hang: this.dice.between(0, 4),
      slowMs: 300,
    }
    // Either may have been killed a moment ago.
    await this.world.psp('PUT', '/control/faults', settings).catch(() => undefined)
    await this.world.receiver(receiver).catch(() => undefined)
  }

  private pidOf(target: Target): number {
    const system = findSystem(this.dataDir)
    if (system === undefined) return 0
    const { services, sandbox, engines } = system
    return services[target]?.pid ?? (sandbox as Record<string, { pid: number }>)[target]?.pid ?? engines.pids[target] ?? 0
  }

  private kill(target: Target): void {
    if (!this.signal(target, 'SIGKILL')) return
    this.witness.count('kills')
    this.witness.count(`kill ${target}`)
    this.report(`kill ${target}`)
  }

  private async pause(target: Target, ms: number): Promise<void> {
    if (!this.signal(target, 'SIGSTOP')) return
    this.witness.count('pauses')
    this.report(`pause ${target} for ${ms} ms`)
    for (const end = Date.now() + ms; Date.now() < end;) await delay(20)
    this.signal(target, 'SIGCONT')
  }

  /** To the whole process group, so that PostgreSQL's children go with it. @returns whether it was there */
  private signal(target: Target, signal: NodeJS.Signals): boolean {
    const pid = this.pidOf(target)
    if (pid === 0) return false
    try {
      process.kill(-pid, signal)
      return true
    } catch {
      return false // it is being brought back already
    }
  }
}
