import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { RunningSystem } from '@catamaran/stack'
import { benchAuth } from './auth.js'
import { benchGrowth } from './growth.js'
import { benchImport } from './import.js'
import { describeMachine, makeDataDir, measureSync } from './machine.js'
import { benchObservability } from './observability.js'
import { benchOrders } from './orders.js'
import { benchProducts } from './products.js'
import { benchRelay } from './relay.js'
import { ms, progress, say } from './report.js'
import { benchSoak } from './soak.js'
import { benchStart, startOwn, stopOwn } from './start.js'
import { benchWebhooks } from './webhooks.js'

/** What can be measured on a running system, in the order it is. */
const ON_A_SYSTEM: Record<string, (system: RunningSystem) => Promise<void>> = {
  products: benchProducts,
  orders: benchOrders,
  webhooks: benchWebhooks,
  relay: benchRelay,
  auth: benchAuth,
  observability: benchObservability,
  import: benchImport,
  growth: benchGrowth,
  soak: benchSoak,
}
const NAMES = ['start', ...Object.keys(ON_A_SYSTEM)]
/** Take many minutes: only when they are named. */
const ON_REQUEST = new Set(['import', 'growth', 'soak', 'observability'])

const HELP = `Usage: npm run bench -- [names] [--data DIR]

Measures Catamaran beside its floors, in one run on this machine, and prints ratios: docs/performance.md says what they mean.
It starts a system of its own (engines with fsync on, no limits for callers) and leaves nothing behind.

  start      warm and cold start, memory of the whole system at rest
  products   read a product through the gateway, against two chained bare Fastify hops
  orders     place an order through the gateway, against a bare driver loop without HTTP
  webhooks   from an order's answer to its webhook at the partner's receiver, at 100 orders a second
  relay      publish the outbox, against kafkajs alone
  auth       API keys and tokens at the gateway, sign-in, and whether sign-ins delay a token refresh
  observability  orders placed with each signal on and off (some minutes; only when named)
  import     a partner brings in 100,000 products as one stream: time, CPU and memory (only when named)
  growth     pages read and CPU per request with 1,000,000 products and orders, against 1,000 (some minutes; only when named)
  soak       memory of each service while orders come for ten minutes (only when named)

Without names all of them but the last four. --data DIR names a folder on the disk to be measured (default: the temporary folder).
`

function readArguments(): { names: string[]; data: string | undefined } | undefined {
  const { values, positionals } = parseArgs({
    options: { data: { type: 'string' }, help: { type: 'boolean', default: false } },
    allowPositionals: true,
  })
  if (values.help) return undefined
  const unknown = positionals.find((name) => !NAMES.includes(name))
  if (unknown !== undefined) throw new Error(`There is no measure "${unknown}": choose from ${NAMES.join(', ')}.`)
  return { names: positionals.length > 0 ? positionals : NAMES.filter((name) => !ON_REQUEST.has(name)), data: values.data }
}

function introduce(dataDir: string): void {
  const { cores, model, memoryGiB, load } = describeMachine()
  const { medianMs, p99Ms } = measureSync(dataDir)
  say(`Catamaran bench, ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC, Node ${process.versions.node}`)
  say(`Machine: ${cores} cores (${model}), ${memoryGiB.toFixed(0)} GiB, load before the run ${load.toFixed(2)}`)
  say(`Disk: one fsync of a page takes ${ms(medianMs)} (median; p99 ${ms(p99Ms)}); PostgreSQL runs with fsync on`)
  if (load > cores / 4) say('Others use this machine: take the ratios and the CPU figures, not the times.')
}

async function measure(names: readonly string[], dataDir: string): Promise<void> {
  introduce(dataDir)
  if (names.includes('start')) await benchStart(dataDir)
  const onSystem = Object.entries(ON_A_SYSTEM).filter(([name]) => names.includes(name))
  if (onSystem.length === 0) return
  progress('starting a system')
  const { system, stop } = await startOwn(dataDir)
  try {
    for (const [, bench] of onSystem) await bench(system)
  } finally {
    await stop()
  }
}

try {
  const asked = readArguments()
  if (asked === undefined) say(HELP.trimEnd())
  else {
    const dataDir = makeDataDir(asked.data)
    const clear = () => rmSync(dataDir, { recursive: true, force: true })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => void stopOwn().finally(() => (clear(), process.exit(1))))
    }
    const since = performance.now()
    try {
      await measure(asked.names, dataDir)
      say(`\nAll of it took ${((performance.now() - since) / 1000).toFixed(0)} s.`)
    } finally {
      clear()
    }
  }
} catch (error) {
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
