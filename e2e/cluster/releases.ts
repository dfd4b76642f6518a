import type { Journey } from '../src/journey.js'
import { follow, type Moment } from './canary.js'
import { decliningPsp } from './declining-psp.js'
import { CANARY, type Change } from './installation.js'
import { relay } from './relay.js'
import { Traffic } from './traffic.js'
import type { World } from './world.js'

const CANARY_WITHIN_MS = 420_000
/** Traffic before and after, so that there is something to compare and what comes late is seen. */
const CALLS_AROUND = 400

export interface Released {
  readonly moments: readonly Moment[]
  /** What Flagger said. */
  readonly said: readonly string[]
  /** How many calls of buyers had which answer meanwhile. */
  readonly answers: Readonly<Record<string, number>>
}

/** Brings a release in while buyers shop, tells each step of its canary, and waits until that has ended. */
export const release = async (world: World, buyer: Journey, change: Change): Promise<Released> => {
  const traffic = new Traffic(world.system, buyer)
  try {
    await traffic.more(CALLS_AROUND)
    console.log(`\n  ${change.name}: a release of ${CANARY}, while buyers shop; where its canary is, and its share of the requests`)
    await world.install(change)
    const { moments, said } = await follow(world, CANARY, CANARY_WITHIN_MS, ({ at, phase, weight }) =>
      console.log(`  ${at.toFixed(1).padStart(6)} s  ${phase.padEnd(16)} ${String(weight).padStart(3)} %`),
    )
    await traffic.more(CALLS_AROUND)
    for (const event of said) console.log(`  ${event}`)
    return { moments, said, answers: traffic.answers }
  } finally {
    await traffic.end()
    console.log('  answers to buyers:', traffic.answers)
  }
}

/** A release that does what the one before does. */
export const good = (name = 'good'): Change => ({ name, services: { [CANARY]: {} } })

/** Calls `work` with a release all of whose payments are declined, and which answers as ever. */
export const withDeclining = async <T>({ system, around }: World, work: (bad: Change) => Promise<T>, name = 'bad'): Promise<T> => {
  const psp = await decliningPsp(system.sandbox.psp.url)
  const way = await relay({ host: around.reach, port: psp.port }, { host: '127.0.0.1', port: psp.port })
  try {
    return await work({ name, services: { [CANARY]: { PSP_URL: `http://${around.reach}:${psp.port}` } } })
  } finally {
    await way.close()
    psp.close()
  }
}
