import { parseArgs } from 'node:util'
import { demoAccounts } from '@catamaran/seed'
import type { RunningSystem } from '@catamaran/stack'
import type { Reachable } from './journey.js'

/** What outsiders need of a system: its gateway, the sandbox's mailbox and receiver, and the demo partner. */
export interface PublicSystem extends Reachable {
  readonly sandbox: Reachable['sandbox'] & { readonly partner: { readonly url: string } }
  readonly demo: Pick<NonNullable<RunningSystem['demo']>, 'partner'>
}

const options = {
  url: { type: 'string' },
  mail: { type: 'string', default: 'http://127.0.0.1:4020' },
  partner: { type: 'string', default: 'http://127.0.0.1:4022' },
  browse: { type: 'boolean', default: false },
} as const

/** The seeded system that arguments name: `--url GATEWAY`, and `--mail MAILBOX` and `--partner RECEIVER` where they aren't those of compose. */
export const namedSystem = (): PublicSystem | undefined => {
  const { url, mail, partner } = parseArgs({ options }).values
  if (url === undefined) return undefined
  const gateway = url.replace(/\/$/, '')
  return { gateway, issuer: `${gateway}/oidc`, sandbox: { mail: { url: mail }, partner: { url: partner } }, demo: demoAccounts() }
}

/** Whether arguments say `--browse`: nobody registers there, and nothing is ordered. */
export const mayOnlyBrowse = (): boolean => parseArgs({ options }).values.browse
