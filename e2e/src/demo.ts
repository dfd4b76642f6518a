import { startSystem } from '@catamaran/stack'
import { asked } from './elsewhere.js'
import { journey, visit } from './journey.js'

/**
 * `npm run demo`: the journey against the system that runs here (`--data DIR`), or against one of its own when none does. With `--url GATEWAY` (and `--mail
 * MAILBOX`) against one that runs elsewhere, for example in containers; with `--browse` only as far as nobody registers and nothing is ordered.
 */
const { system: running, browse } = asked('demo')
const own = running === undefined ? await startOwn() : undefined
try {
  const system = running ?? own?.system
  if (system === undefined) throw new Error('no system')
  console.log(`A buyer's journey through ${system.gateway}\n`)
  let totalMs = 0
  const walk = browse ? visit : journey
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
