import { parseArgs } from 'node:util'
import { told } from '@catamaran/audit'
import { storm } from './storm.js'

const HELP = `npm run storm -- [--rounds N] [--seed S] [--buyers N] [--quiet]

Loads a system of its own with honest, impatient and hostile clients while its parts are killed and paused by a schedule that the seed makes,
lets it come to rest, and audits it. Ends with 1 when an invariant is broken, an order was lost, or a stranger got in.`

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    buyers: { type: 'string', default: '10' },
    quiet: { type: 'boolean' },
    help: { type: 'boolean' },
  },
})

if (values.help) console.log(HELP)
else {
  const { rounds, seed, buyers } = values
  console.log(`A storm of ${rounds} rounds, seed ${seed}`)
  const report = (line: string): void => (values.quiet ? undefined : console.log(`  ${line}`))
  const {
    witness,
    report: books,
    seconds,
    logDir,
  } = await storm({ rounds: Number(rounds), seed: Number(seed), buyers: Number(buyers), report })
  const listed = (start: string) =>
    witness
      .startingWith(start)
      .map(([name, times]) => `${name} ${times}`)
      .join(', ')
  const lost = books.findings.filter(({ detail }) => detail.endsWith('lost')).length
  const oversold = books.findings.filter(({ invariant }) => invariant === 'I1').length
  console.log(`
rounds                ${rounds}, of them ${witness.of('slack rounds')} that met few orders
orders acknowledged   ${witness.of('orders')} (${witness.of('shipped')} parts shipped, ${witness.of('cancelled by buyers')} cancelled by buyers, ${witness.of('returns accepted')} returns paid back)
refused               ${listed('refused ')}
killed                ${witness.of('kills')} (${listed('kill ')}), paused ${witness.of('pauses')}
clients               ${witness.of('retries')} retries, ${witness.of('no answer')} without answer, ${witness.of('attacks')} attacks; answers: ${listed('status ')}
duplicates absorbed   ${witness.of('replays')} replays of a key, ${books.repeats} repeated messages
lost                  ${lost}
oversold              ${oversold}
breaches              ${witness.breaches.length}${witness.breaches
    .slice(0, 10)
    .map((line) => `\n  ${line}`)
    .join('')}

${told(books)}

${seconds.toFixed(0)} s, seed ${seed}`)
  if (logDir !== undefined) console.log(`The logs are in ${logDir}`)
  if (books.findings.length + books.stuck + witness.breaches.length > 0) process.exitCode = 1
}
