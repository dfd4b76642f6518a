import { fileURLToPath } from 'node:url'
import { findSystem, startSystem } from '@catamaran/stack'
import { mayOnlyBrowse, namedSystem } from './elsewhere.js'
import { journey, visit } from './journey.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/**
 * `npm run demo`: the journey against the system that runs here, or against one of its own when none does. With `--url GATEWAY` (and `--mail
 * MAILBOX`) against one that runs elsewhere, for example in containers; with `--browse` only as far as nobody registers and nothing is ordered.
 */
const running = namedSystem() ?? findSystem(`${root}.catamaran`)
const own = running === undefined ? await startOwn() : undefined
try {
  const system = running ?? own?.system
  if (system === undefined) throw new Error('no system')
  console.log(`A buyer's journey through ${system.gateway}\n`)
  let totalMs = 0
  const walk = mayOnlyBrowse() ? visit : journey
  await walk(system, (step, ms, detail) => {
    totalMs += ms
    console.log(`  ${step.padEnd(20)} ${ms.toFixed(0).padStart(5)} ms   ${detail}`)
  })
  console.log(`\n  ${'all of it'.padEnd(20)} ${totalMs.toFixed(0).padStart(5)} ms`)
} catch (error) {
  console.error(`\nThe journey failed: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
} finally {
  await own?.stop()
}

async function startOwn() {
  console.log('Nothing runs here yet (npm start): starting a system for this journey.')
  return startSystem({ stderr: process.stderr })
}
