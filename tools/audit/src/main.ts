import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { findSystem } from '@catamaran/stack'
import { audit, told } from './audit.js'
import { openBooks } from './books.js'
import { findStrangers, giveBack, toldStrangers } from './give-back.js'

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))
const HELP = `npm run audit -- [chain | strangers [--give-back]] [--data DIR]

Checks the books of the system that runs on a data folder (default .catamaran) against its databases, Kafka and the payment
provider's ledger. Ends with 1 and names the rows when an invariant is broken. With "chain" it tells of the audit chains alone (I8).
With "strangers" it lists what the provider holds for orders that are not there, as after a restore (docs/runbooks/restore.md), and gives it back
when told to.`

const main = async (): Promise<number> => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { data: { type: 'string', default: '.catamaran' }, help: { type: 'boolean' }, 'give-back': { type: 'boolean' } },
  })
  if (values.help) {
    console.log(HELP)
    return 0
  }
  const system = findSystem(resolve(ROOT, values.data))
  if (system === undefined) {
    console.error(`Nothing runs on ${values.data}. Start it first (npm start), or name its folder: npm run audit -- --data DIR`)
    return 1
  }
  if (positionals[0] === 'strangers') {
    const strangers = await findStrangers(system)
    console.log(toldStrangers(strangers))
    if (values['give-back'] === true) await giveBack(system, strangers.owed)
    return values['give-back'] === true || strangers.owed.length === 0 ? 0 : 1
  }
  const { books, close } = await openBooks(system)
  try {
    if (positionals[0] === 'chain') {
      console.log(books.chains.length === 0 ? 'All audit chains verify from their first link.' : books.chains.join('\n'))
      return books.chains.length === 0 ? 0 : 1
    }
    const report = await audit(books)
    console.log(told(report))
    return report.findings.length === 0 ? 0 : 1
  } finally {
    await close()
  }
}

process.exitCode = await main()
