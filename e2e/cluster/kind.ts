// `npm run kind`: everything on a laptop: a cluster by kind, Istio, Flagger, Prometheus, the images of this folder, the demo, and releases to watch.
import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'
import { journey } from '../src/journey.js'
import { initialised } from './canary.js'
import { find } from './cluster.js'
import { CANARY } from './installation.js'
import { makeCluster, removeCluster, type Place } from './kind-cluster.js'
import { good, release, withDeclining } from './releases.js'
import { World } from './world.js'

const HELP = `npm run kind                      make the cluster "catamaran" with kind, or take the one that is there, install, and walk through the demo
npm run kind -- --kubeconfig FILE   on another cluster that has Istio, Flagger and an ingress gateway (docs/trying-on-a-cluster.md says what else it needs)
npm run kind -- --remove            remove the cluster

It stays until Ctrl-C or "end", and takes a word a line meanwhile:
  good   release core-service anew: 5, 20, then 50 % of the requests, then all
  bad    release one that declines all payments and answers as ever: rolled back by what it does to orders
  demo   the buyer's journey again
  end    uninstall; the cluster stays`

const OPTIONS = {
  kubeconfig: { type: 'string' },
  remove: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const
const tell = (line: string): void => console.log(line)
const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
  const since = performance.now()
  tell(`${what} …`)
  const done = await work()
  tell(`${what}: ${((performance.now() - since) / 1000).toFixed(0)} s`)
  return done
}
const walk = (world: World) =>
  journey(world.system, (step, ms, detail) => tell(`  ${step.padEnd(24)} ${ms.toFixed(0).padStart(5)} ms   ${detail}`))

/** @throws Error naming the programs that this machine lacks */
const requirePrograms = (...programs: string[]): void => {
  const missing = programs.filter((program) => find(program) === undefined)
  if (missing.length > 0) throw new Error(`It needs ${missing.join(', ')} in PATH (docs/trying-on-a-cluster.md).`)
}

/** Does what is asked for, a word a line, until the end of the lines. */
const play = async (world: World, { provide }: Place): Promise<void> => {
  let buyer = await walk(world)
  tell(`\nThe shop is at ${world.system.gateway}. Say good, bad, demo or end.`)
  const words = createInterface({ input: process.stdin })
  process.once('SIGINT', () => words.close())
  let releases = 0
  for await (const line of words) {
    const word = line.trim()
    const name = `${word}-${++releases}`
    try {
      if (word === 'end') return
      if (word === 'good' || word === 'bad') await provide(name)
      if (word === 'good') await release(world, buyer, good(name))
      else if (word === 'bad') await withDeclining(world, (bad) => release(world, buyer, bad), name)
      else if (word === 'demo') buyer = await walk(world)
      else if (word !== '') tell('It is good, bad, demo or end.')
    } catch (error) {
      tell(String(error))
    }
  }
}

const main = async (): Promise<void> => {
  const { values } = parseArgs({ options: OPTIONS })
  if (values.help) return tell(HELP)
  if (values.remove) return void (await removeCluster())
  requirePrograms('kubectl', 'helm', ...(values.kubeconfig === undefined ? ['docker', 'kind', 'istioctl'] : []))
  const { kubeconfig: given } = values
  const place = given === undefined ? await makeCluster(timed) : { kubeconfig: given, provide: async () => undefined }
  const world = await timed('Stores, sandbox and flags on this machine', () => World.prepare(place.kubeconfig, 'shop'))
  try {
    await timed('The charts, and the primary that Flagger makes', async () => {
      await world.install()
      await initialised(world, CANARY)
      await world.ready()
    })
    await play(world, place)
  } finally {
    await timed('Uninstalling', () => world.close())
  }
}

await main().catch((error: unknown) => {
  process.stderr.write(`npm run kind: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
