// `npm run test:journeys -- --url GATEWAY`: what outsiders do, against a system that is up already, for example in containers.
import { fileURLToPath } from 'node:url'
import { asked } from './elsewhere.js'
import { runSpecs } from './run-specs.js'

const { system } = asked('test:journeys')
if (system === undefined) {
  process.stderr.write('Nothing runs here (npm start). For a system elsewhere: npm run test:journeys -- --url http://localhost:4000\n')
  process.exit(1)
}
process.env['JOURNEYS_SYSTEM'] = JSON.stringify(system)
const { passed, failed } = await runSpecs([fileURLToPath(new URL('journey.spec.js', import.meta.url))])
process.stdout.write(`${passed} passed, ${failed} failed against ${system.gateway}\n`)
process.exit(failed > 0 || passed === 0 ? 1 : 0)
