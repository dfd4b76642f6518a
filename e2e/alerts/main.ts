// `npm run test:alerts [-- words]`: rules, receivers and dashboards, with a real Prometheus and Alertmanager. Only specs whose name holds one of the words, if any.
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { runSpecs } from '../src/run-specs.js'
import { find } from './setting.js'

const folder = fileURLToPath(new URL('.', import.meta.url))
const words = process.argv.slice(2)
const files = readdirSync(folder).filter(
  (file) => file.endsWith('.alerts.js') && (words.length === 0 || words.some((word) => file.includes(word))),
)
const missing = (['prometheus', 'promtool', 'alertmanager'] as const).filter((program) => find(program) === undefined)

if (missing.length > 0 || files.length === 0) {
  const told = `npm run test:alerts needs ${missing.join(', ')}. On Debian: apt-get install prometheus prometheus-alertmanager.\n`
  process.stderr.write(missing.length > 0 ? told : 'There is no such spec in e2e/alerts.\n')
  process.exit(1)
}
const { passed, failed } = await runSpecs(files.toSorted().map((file) => folder + file))
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
