import { after, before, test } from 'node:test'
import { journey } from '../src/journey.js'
import { Cluster } from './cluster.js'
import { World } from './world.js'

let world: World

before(async () => {
  world = await World.prepare(new Cluster(process.env['KUBECONFIG'] ?? ''), 'shop')
  await world.install()
  await world.ready()
})
after(async () => {
  await world?.close()
})

test('a buyer’s journey passes through the ingress gateway', async () => {
  await journey(world.system, (step, ms, detail) => console.log(`  ${step.padEnd(24)} ${ms.toFixed(0).padStart(5)} ms   ${detail}`))
})
