import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { demoAccounts } from '@catamaran/seed'
import { findSystem, type RunningSystem } from '@catamaran/stack'
import type { Reachable } from './journey.js'

/** What outsiders need of a system: its gateway, the sandbox's mailbox and receiver, and the demo partner. */
export interface PublicSystem extends Reachable {
  readonly sandbox: Reachable['sandbox'] & { readonly partner: { readonly url: string } }
  readonly demo: Pick<NonNullable<RunningSystem['demo']>, 'partner'>
}

export interface Asked {
  /** The system that arguments name, or that runs here; undefined when none does. */
  readonly system: PublicSystem | RunningSystem | undefined
  /** Nobody registers there, and nothing is ordered. */
  readonly browse: boolean
}

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const OPTIONS = {
  data: { type: 'string', default: '.catamaran' },
  url: { type: 'string' },
  mail: { type: 'string' },
  partner: { type: 'string' },
  browse: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const
const HELP = `
  --data DIR       the system that runs on this data folder (default .catamaran)
  --url GATEWAY    one that runs elsewhere, for example in containers: http://localhost:4000
  --mail MAILBOX, --partner RECEIVER
                   its mailbox and its partner's receiver, where they are not 20 and 22 ports above the gateway
  --browse         only as far as nobody registers and nothing is ordered (demo)`

/** An address of the sandbox beside a gateway, as the ports are everywhere here. */
const beside = (gateway: string, ports: number): string => {
  const { hostname, port } = new URL(gateway)
  return `http://${hostname === 'localhost' ? '127.0.0.1' : hostname}:${Number(port) + ports}`
}

const parsed = () => parseArgs({ options: OPTIONS }).values

/** What the arguments of `npm run <command>` ask for. Ends the process where they ask for help, or for what there isn't. */
export const asked = (command: string): Asked => {
  let values: ReturnType<typeof parsed>
  try {
    values = parsed()
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\nnpm run ${command} -- [options]\n${HELP}\n`)
    process.exit(1)
  }
  if (values.help) {
    process.stdout.write(`npm run ${command} -- [options]\n${HELP}\n`)
    process.exit(0)
  }
  const { url, data, browse } = values
  if (url === undefined) return { system: findSystem(resolve(ROOT, data)), browse }
  const gateway = url.replace(/\/$/, '')
  const sandbox = { mail: { url: values.mail ?? beside(gateway, 20) }, partner: { url: values.partner ?? beside(gateway, 22) } }
  return { system: { gateway, issuer: `${gateway}/oidc`, sandbox, demo: demoAccounts() }, browse }
}
