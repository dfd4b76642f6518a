import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { messageOf, Refusal } from './errors.js'

export interface Options {
  /** The first port; 0 means free ports for everything. */
  readonly portBase: number
  readonly dataDir: string
  /** The address the gateway listens on. Everything else stays on loopback. */
  readonly listen: string
  /** Where the gateway is when the services run elsewhere: then they are not started. */
  readonly gateway: string | undefined
  /** The address by which services elsewhere reach this machine. */
  readonly reach: string | undefined
  readonly reset: boolean
  readonly onlyEngines: boolean
  readonly seed: boolean
  readonly quiet: boolean
  readonly json: boolean
  /** Engines in memory and without fsync: for tests. */
  readonly fast: boolean
}

export const HELP = `Usage: npm start -- [options]

Starts the whole system on this machine: PostgreSQL, Redis, DynamoDB Local, Kafka, the flag relay, the sandbox and the four services.
Ctrl-C stops it all. Data stays until --reset.

  --port-base N     first port (default 4000): gateway N, services N+1 to N+3, admin ports N+10 to N+13, sandbox N+20 to N+23,
                    flag relay N+24, engines N+30 to N+34. Two copies run side by side with two port bases and two data folders.
                    0 takes free ports for everything.
  --data DIR        where data, keys, flags and logs are kept (default .catamaran in the repository)
  --reset           begin with an empty data folder
  --only engines    start the engines with their databases and topics, and nothing else
  --listen ADDRESS  address of the gateway (default 127.0.0.1); everything else stays on loopback
  --gateway URL     start all but the four services: they run elsewhere, behind this address
  --reach ADDRESS   how they reach this machine: Kafka listens on one more port, N+35, and tells it with this address
  --no-seed         leave the catalogue empty and make no demo accounts
  --quiet           print errors and the last page only
  --json            once ready, print one JSON object (addresses, engines, demo credentials, process ids) on standard output,
                    and nothing else there: npm start --silent -- --json
  --fast            engines in memory and without fsync, for tests
  --help            this page

Engines of your own instead of the local ones, by environment variable:
  DATABASE_URL (a role that may create roles and databases), REDIS_URL, DYNAMODB_ENDPOINT, KAFKA_BROKERS (comma separated)
Downloads are kept in ~/.cache/catamaran (CATAMARAN_CACHE is another folder).
`

const DEFINITIONS = {
  'port-base': { type: 'string', default: '4000' },
  data: { type: 'string' },
  reset: { type: 'boolean', default: false },
  only: { type: 'string' },
  listen: { type: 'string', default: '127.0.0.1' },
  gateway: { type: 'string' },
  reach: { type: 'string' },
  'no-seed': { type: 'boolean', default: false },
  quiet: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  fast: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

/** The highest offset from the port base that is in use (see ports.ts), so that a base too high is refused. */
const HIGHEST_OFFSET = 35

/**
 * Reads the command line; `undefined` means that help was asked for.
 * @throws Refusal that names the option which is wrong
 */
export function parseOptions(args: readonly string[], defaultDataDir: string): Options | undefined {
  const values = read(args)
  if (values.help) return undefined
  const portBase = Number(values['port-base'])
  if (!/^\d+$/.test(values['port-base']) || (portBase !== 0 && portBase < 1024) || portBase > 65535 - HIGHEST_OFFSET) {
    throw new Refusal(`--port-base must be 0 or a number from 1024 to ${65535 - HIGHEST_OFFSET}, not "${values['port-base']}".`)
  }
  if (values.only !== undefined && values.only !== 'engines') throw new Refusal(`--only takes "engines", not "${values.only}".`)
  return {
    portBase,
    dataDir: resolve(values.data ?? defaultDataDir),
    listen: values.listen,
    gateway: values.gateway?.replace(/\/$/, ''),
    reach: values.reach,
    reset: values.reset,
    onlyEngines: values.only === 'engines',
    seed: !values['no-seed'],
    quiet: values.quiet,
    json: values.json,
    fast: values.fast,
  }
}

function read(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: DEFINITIONS, allowPositionals: false }).values
  } catch (error) {
    throw new Refusal(`${messageOf(error)}\nnpm start -- --help lists the options.`)
  }
}
