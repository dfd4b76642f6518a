import { cpSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { audit, type Report } from '@catamaran/audit'
import { startSystem } from '@catamaran/stack'
import { until } from '@catamaran/testing'
import { Dice } from './dice.js'
import { Faults } from './faults.js'
import { startLoad } from './load.js'
import { settledBooks } from './settle.js'
import { Witness } from './witness.js'
import { World } from './world.js'

export interface StormOptions {
  readonly rounds: number
  /** The same seed makes the same schedule of strikes; what meets them is up to the machine. */
  readonly seed: number
  readonly buyers?: number
  readonly roundMs?: number
  /** Told of each strike. */
  readonly report?: (line: string) => void
}

export interface StormResult {
  readonly witness: Witness
  readonly report: Report
  readonly seconds: number
  /** Where the logs of a storm that found something are kept. */
  readonly logDir: string | undefined
}

/** Short lives, so that holds end and returns close within the storm; no limits, since one machine plays all callers. */
export const ENVIRONMENT = {
  HOLD_MS: '5000',
  HOLD_SWEEP_MS: '200',
  RETURN_MS: '3000',
  PSP_DEADLINE_MS: '1500',
  PAYMENT_RETRY_MS: '100',
  WEBHOOK_TIMEOUT_MS: '1000',
  WEBHOOK_RETRY_MS: '200,500,1000,2000',
  WEBHOOK_PAUSE_MS: '200',
  ...Object.fromEntries(['CALLER', 'ANONYMOUS', 'SIGN_IN', 'REFUSED'].map((name) => [`RATE_LIMIT_${name}`, '1000000/1000000'])),
}
const STRANGERS = 1
/** A round goes on until so many orders were acknowledged in it: on a slow machine parts would else be struck again before they were back, and nobody be met. */
const ORDERS_A_ROUND = 10
const ROUND_WITHIN_MS = 30_000

/** A copy of the logs: the system's own go with it. */
const kept = (logDir: string): string => {
  const copy = mkdtempSync(join(tmpdir(), 'catamaran-storm-'))
  cpSync(logDir, copy, { recursive: true })
  return copy
}

/** Loads a system of its own while its parts are killed, lets it come to rest, and audits it. */
export const storm = async ({
  rounds,
  seed,
  buyers = 10,
  roundMs = 2_000,
  report = () => undefined,
}: StormOptions): Promise<StormResult> => {
  const startedAt = performance.now()
  const own = await startSystem({ fast: false, env: ENVIRONMENT })
  try {
    const { system } = own
    const world = await World.of(system)
    const witness = new Witness()
    const stopLoad = startLoad({ gateway: system.gateway, world, witness, seed, buyers, strangers: STRANGERS })
    const faults = new Faults(system.dataDir, new Dice(seed), witness, world, report)
    for (let round = 1; round <= rounds; round++) {
      report(`round ${round} of ${rounds}, seed ${seed}`)
      const before = witness.of('orders')
      await Promise.all([faults.strike(roundMs), delay(roundMs)])
      const meetsOrders = () => witness.of('orders') - before >= ORDERS_A_ROUND
      await until(meetsOrders, { deadlineMs: ROUND_WITHIN_MS }).catch(() => witness.count('slack rounds'))
    }
    await faults.calm()
    await stopLoad()
    const { books, close } = await settledBooks(system.dataDir, world)
    try {
      const audited = await audit(books, witness.records)
      const isFound = audited.findings.length + audited.stuck + witness.breaches.length > 0
      return {
        ...{ witness, report: audited, seconds: (performance.now() - startedAt) / 1000 },
        logDir: isFound ? kept(system.logDir) : undefined,
      }
    } finally {
      await close()
    }
  } finally {
    await own.stop()
  }
}
