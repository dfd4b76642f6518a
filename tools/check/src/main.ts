// `npm run check [-- --write] [step …]`: everything that is checked without running the system.
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runSteps, STEPS } from './steps.js'

const ROOT = dirname(dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url))))))
const HELP = `npm run check                 all steps; every one runs, even when another failed
npm run check -- layers lint  only these
npm run check -- --write      format, and write the generated files anew (npm run generate: the same)

${STEPS.map(({ name, says }) => `  ${name.padEnd(10)} ${says}`).join('\n')}
`

async function main(args: readonly string[]): Promise<number> {
  const names = args.filter((arg) => !arg.startsWith('-'))
  const unknown = [
    ...args.filter((arg) => arg.startsWith('-') && arg !== '--write'),
    ...names.filter((name) => !STEPS.some((step) => step.name === name)),
  ]
  if (unknown.length > 0) {
    const isHelp = args.includes('--help')
    process.stdout.write(isHelp ? HELP : `There is no ${unknown.join(', ')}.\n\n${HELP}`)
    return isHelp ? 0 : 1
  }
  const since = performance.now()
  const steps = names.length === 0 ? STEPS : STEPS.filter(({ name }) => names.includes(name))
  const options = { root: ROOT, write: args.includes('--write'), registry: process.env['npm_config_registry'] }
  const failed = await runSteps(steps, options, (text) => process.stdout.write(text))
  const time = `${((performance.now() - since) / 1000).toFixed(1)} s`
  process.stdout.write(
    failed.length === 0
      ? `Checked: ${steps.length} of ${steps.length} steps ok in ${time}.\n`
      : `Checked: ${failed.length} of ${steps.length} steps failed (${failed.join(', ')}) in ${time}.\n`,
  )
  return failed.length === 0 ? 0 : 1
}

process.exitCode = await main(process.argv.slice(2))
