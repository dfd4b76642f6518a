import { basename } from 'node:path'
import type { RunningEnginesOnly, RunningSystem } from './running-system.js'

const rows = (pairs: readonly (readonly [string, string])[]): string[] => pairs.map(([name, value]) => `  ${name.padEnd(16)} ${value}`)

const engineRows = ({ engines }: RunningEnginesOnly) => [
  ['PostgreSQL', engines.databaseUrl] as const,
  ['Redis', engines.redisUrl] as const,
  ['DynamoDB', engines.dynamodbEndpoint] as const,
  ['Kafka', engines.kafkaBrokers.join(',')] as const,
]

/** The last page of `npm start -- --only engines`. */
export const enginesPage = (running: RunningEnginesOnly, seconds: string): string =>
  [
    '',
    `The engines are ready (${seconds} s).`,
    '',
    ...rows([...engineRows(running), ['Logs', running.logDir]]),
    '',
    'Ctrl-C stops them.',
    '',
  ].join('\n')

/** The last page of `npm start`: where everything is and what to try. */
export function systemPage(system: RunningSystem, seconds: string): string {
  const { gateway, services, sandbox, flags, demo, dataDir, logDir } = system
  const data = basename(dataDir) === '.catamaran' ? '' : ` --data ${dataDir}`
  const demoRows: (readonly [string, string])[] = demo
    ? [
        ['Demo buyer', `${demo.buyer.email}  password ${demo.buyer.password}`],
        [
          'Demo operator',
          `${demo.operator.email}  password ${demo.operator.password}  key for an authenticator app ${demo.operator.totpSecret}`,
        ],
        ['Demo partner', `${demo.partner.clientId}  secret ${demo.partner.clientSecret}`],
        ['  its owner', `${demo.partner.owner.email}  password ${demo.partner.owner.password}`],
        ['  its API key', demo.partner.apiKey],
      ]
    : [['Demo accounts', 'none (--no-seed)']]
  return [
    '',
    `Catamaran is ready (${seconds} s).`,
    '',
    ...rows([
      ['Gateway', gateway],
      ['Account page', `${gateway}/account`],
      ['API reference', `${gateway}/docs`],
      ['Mailbox', sandbox.mail.url],
      ['Partner', sandbox.partner.url],
      ['Payments', sandbox.psp.url],
    ]),
    ...rows(Object.entries(services).map(([name, { url, admin }]) => [name, `${url}  probes and metrics ${admin}`] as const)),
    ...rows(engineRows(system)),
    '',
    ...rows(demoRows),
    '',
    'Try',
    `  curl ${gateway}/v1/products?limit=3`,
    ...(demo ? [`  curl -H 'Authorization: Bearer ${demo.partner.apiKey}' ${gateway}/v1/partner`] : []),
    `  npm run demo${data && ` --${data}`}`,
    `  open ${sandbox.mail.url}`,
    `  open ${sandbox.partner.url} (its webhooks)`,
    '',
    ...rows([
      ['Flags', `${flags.file} (npm run flags -- list${data})`],
      ['Logs', logDir],
    ]),
    '',
    'Ctrl-C stops everything.',
    '',
  ].join('\n')
}
