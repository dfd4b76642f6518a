// `npm run flags -- list | set KEY VALUE | unset KEY`: the flags of the system that runs on this machine.
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { messageOf, Refusal } from './errors.js'
import { listFlags, setFlag, unsetFlag } from './flag-file.js'
import { findSystem } from './start-system.js'

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))
const HELP = `npm run flags -- list
npm run flags -- set KEY VALUE [--percent N] [--plan NAME …]
npm run flags -- unset KEY

The flags of the system that runs on a data folder (default .catamaran; another with --data DIR). Every service goes by a change within a second.
--percent and --plan give the value to a share of the callers and to the callers on a plan; all others keep the default. More than that can be
said in the flag file itself, in LaunchDarkly's data model. unset goes back to the default.`

function run(args: readonly string[]): string {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      data: { type: 'string', default: '.catamaran' },
      percent: { type: 'string' },
      plan: { type: 'string', multiple: true },
      help: { type: 'boolean' },
    },
  })
  const [command, key, value, ...rest] = positionals
  if (values.help === true || command === undefined) return HELP
  if (rest.length > 0) throw new Refusal(`One flag at a time: ${rest.join(' ')} is too much.`)
  const file = findSystem(resolve(ROOT, values.data))?.flags.file
  if (file === undefined)
    throw new Refusal(`Nothing runs on ${values.data}. Start it first (npm start), or name its folder: npm run flags -- … --data DIR`)
  if (command === 'list') return listFlags(file)
  if (command === 'set') return setFlag(file, key, value, { percent: values.percent, plans: values.plan })
  if (command === 'unset') return unsetFlag(file, key)
  throw new Refusal(`There is no ${command}.\n\n${HELP}`)
}

try {
  console.log(run(process.argv.slice(2)))
} catch (error) {
  console.error(messageOf(error))
  process.exitCode = 1
}
