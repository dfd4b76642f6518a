import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Refusal } from './errors.js'
import { launch } from './launcher.js'
import { HELP, parseOptions } from './options.js'

const root = dirname(dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url))))))

// Whoever reads the output may stop reading; that is no reason to stop the system.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

try {
  const options = parseOptions(process.argv.slice(2), join(root, '.catamaran'))
  if (options) await launch(options, root, process.env)
  else process.stdout.write(HELP)
} catch (error) {
  process.stderr.write(error instanceof Refusal ? `\n${error.message}\n` : `\n${error instanceof Error ? error.stack : String(error)}\n`)
  process.exitCode = 1
}
process.exit()
