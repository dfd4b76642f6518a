import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CALLS, SERVICES, type CallRule, type ServiceName } from '@catamaran/contracts'
import { stringify } from 'yaml'
import { valuesSchemas } from './chart-schemas.js'
import { readSchemas } from './compose.js'
import type { Generated } from './generated.js'
import { helm, HELM_VERSION } from './helm.js'
import { git } from './workspace.js'

const CHARTS = 'deploy/helm'
const RENDERED = `${CHARTS}/rendered`

/** Installations whose objects are committed: the name of the file, the chart, and its arguments. */
const CASES: Record<string, readonly [chart: string, ...args: string[]]> = {
  dev: ['catamaran', '-f', 'catamaran/values-dev.yaml'],
  eks: ['catamaran', '-f', 'catamaran/values-eks.yaml'],
  gke: ['catamaran', '-f', 'catamaran/values-gke.yaml'],
  options: ['catamaran', '-f', 'catamaran/values-eks.yaml', '-f', 'rendered/options.values.yaml'],
  'gateway-api': ['catamaran', '-f', 'catamaran/values-gke.yaml', '-f', 'rendered/gateway-api.values.yaml'],
  'core-service-alone': ['core-service', '-f', 'rendered/core-service-alone.values.yaml'],
}
const EKS = ['catamaran', '-f', 'catamaran/values-eks.yaml'] as const
/** Values that must not be taken, of each kind some, and what the refusal must speak of. What Helm says of them is committed. */
const REFUSED: readonly (readonly [value: string, names: string])[] = [
  ['global.domain=', "'/global/domain'"],
  ['global.domain=https://shop.example.com', "'/global/domain'"],
  ['edge.parent.name=public', "edge: certificate is the Gateway's own"],
  ['edge.parent.name=public,edge.certificate=', 'say api-gateway.canary.enabled=false'],
  ['global.image.tag=latest', 'latest'],
  ['global.stores.postgres.auth=md5', "'/global/stores/postgres/auth'"],
  ['global.stores.kafka.brokers={kafka}', "'/global/stores/kafka/brokers/0'"],
  ['global.stores.redis.networks={everywhere}', "'/global/stores/redis/networks/0'"],
  ['global.stores.dynamodb.region=', 'core-service uses dynamodb'],
  ['global.stores.postgres.networks=null', 'global.stores.postgres.networks where it is'],
  ['global.stores.kafka.port=9092', 'is not at port 9092, the only one let out'],
  ['global.stores.redis.port=6380', 'is not at port 6380, the only one let out'],
  ['global.mesh.outside.psp.hosts={https://psp.example.com}', "'/global/mesh/outside/psp/hosts/0'"],
  ['global.mesh.outside.psp.services={psp}', "'/global/mesh/outside/psp/services/0'"],
  ['core-service.mesh.timeout=10', "'/mesh/timeout'"],
  ['autoscaling.min=3', "'autoscaling' not allowed"],
  ['test.mail=mailbox', "'/test/mail'"],
  ['payments-service.public=true', "'payments-service' not allowed"],
  ['core-service.replicas=3', "'replicas' not allowed"],
  ['core-service.config.HOLD_MSS=1', "'HOLD_MSS' not allowed"],
  ['core-service.config.PORT=80', "'PORT' not allowed"],
  ['core-service.podLabels.team=1', "'/podLabels/team'"],
  ['core-service.internet={https}', "'/internet/0'"],
  ['core-service.digest=sha256:1', "'/digest'"],
  ['core-service.tag=latest', 'latest'],
  ['core-service.canary.strategy=shadow', "'/canary/strategy'"],
  ['core-service.canary.metrics.x.max=1', 'canary.metrics.x has neither a query nor a part and a whole'],
  ['core-service.canary.metrics.payments-failed.max=null', 'canary.metrics.payments-failed has neither min nor max'],
  ['api-gateway.canary.strategy=headers', 'canary.strategy headers needs canary.match'],
  ['auth-service.canary.strategy=bluegreen', 'say canary.requests.judged=false'],
  ['global.canary.interval=often', "'/global/canary/interval'"],
  ['core-service.autoscaling.min=20', 'autoscaling.min (20) is above autoscaling.max (10)'],
  ['core-service.config.PSP_API_KEY=k', 'PSP_API_KEY is in config and in secret.variables'],
  ['global.stores.postgres.tls=false', 'global.stores.postgres: auth aws-iam needs tls'],
  ['global.stores.postgres.auth=google-iam', 'auth google-iam needs global.identity.googleProject'],
  ['global.stores.kafka.tls=false', 'global.stores.kafka: auth aws-iam needs tls'],
]

const peers = (from: CallRule['from']): readonly ServiceName[] => (from === '*' ? SERVICES : [from])

/** The rows of the call table that concern a service, as its chart reads them. */
export function callsOf(service: ServiceName, calls: readonly CallRule[] = CALLS): string {
  const rules = calls.filter(({ to }) => to === service)
  const called = calls.filter(({ from }) => peers(from).includes(service)).map(({ to }) => to)
  const value = {
    callers: SERVICES.filter((name) => rules.some(({ from }) => peers(from).includes(name))),
    callees: SERVICES.filter((name) => called.includes(name)),
    rules: rules.map(({ from, methods, paths }) => ({ from: [...peers(from)], methods: [...methods], paths: [...paths] })),
  }
  return `# Made of libs/contracts/src/calls.ts: npm run generate.\n${stringify(value, { aliasDuplicateObjects: false })}`
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const stamped = (input: string, body: string): string =>
  `# Made of ${CHARTS} by Helm ${HELM_VERSION}: npm run generate. Not by hand: the check compares these sums.\n# charts ${sha256(input)}\n# this ${sha256(body)}\n${body}`

/** The charts as they are to be: the files of the work tree, with those that are made of the code in their place. By path under deploy/helm. */
async function chartFiles(root: string): Promise<Map<string, string>> {
  const listed = git(root, 'ls-files', '-z', '--cached', '--others', '--exclude-standard', 'apps/*/src/config.ts', CHARTS).split('\0')
  const schemas = valuesSchemas(await readSchemas(root, listed))
  const made = [
    ...SERVICES.map((service) => [`${service}/calls.yaml`, callsOf(service)] as const),
    ...Object.entries(schemas).map(([chart, schema]) => [`${chart}/values.schema.json`, schema] as const),
  ]
  const outputs = new Set([...Object.keys(CASES).map((name) => `rendered/${name}.yaml`), 'rendered/refused.txt'])
  const own = listed.filter((path) => path.startsWith(`${CHARTS}/`) && !/\/charts\/[^/]+$/.test(path) && existsSync(join(root, path)))
  const read = own.map((path) => [path.slice(CHARTS.length + 1), readFileSync(join(root, path), 'utf8')] as const)
  return new Map([...read.filter(([path]) => !outputs.has(path)), ...made].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** Runs `work` in a copy of the charts with the newest generated files. */
async function inCopy<T>(root: string, files: ReadonlyMap<string, string>, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'catamaran-charts-'))
  try {
    cpSync(join(root, CHARTS), folder, { recursive: true, verbatimSymlinks: true })
    for (const [path, text] of files) writeFileSync(join(folder, path), text)
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function rendered(folder: string, [chart, ...args]: readonly [string, ...string[]]): Promise<string> {
  const lint = await helm(['lint', '--strict', chart, ...args], folder)
  if (!lint.isOk) throw new Error(lint.text)
  const { isOk, text } = await helm(['template', 'catamaran', chart, '--namespace', 'catamaran', ...args], folder)
  if (!isOk) throw new Error(text)
  return text
}

/** What Helm says to each value that must be refused. */
async function refusals(folder: string): Promise<string> {
  const said = REFUSED.map(async ([value, names]) => {
    const { isOk, text } = await helm(['template', 'catamaran', ...EKS, '--set', value], folder)
    if (isOk) throw new Error(`--set ${value} must be refused, and is taken`)
    if (!text.includes(names)) throw new Error(`--set ${value} must be refused in words that say ${names}, and is so: ${text}`)
    return `--set ${value}\n${text.trim().replaceAll(/^/gm, '    ')}\n`
  })
  return (await Promise.all(said)).join('\n')
}

const renderedFile = (
  root: string,
  files: () => Promise<Map<string, string>>,
  path: string,
  work: (folder: string) => Promise<string>,
): Generated => ({
  path,
  make: async (write) => {
    const all = await files()
    const input = JSON.stringify([...all])
    const before = existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : ''
    const body = before.split('\n').slice(3).join('\n')
    if (before === stamped(input, body)) return before
    if (!write) throw new Error('the charts, the call table or this file were changed: run npm run generate')
    return stamped(input, await inCopy(root, all, work))
  },
})

/** What the charts are given by the code, and what comes of them. Helm is needed only where one of these changed. */
export function charts(root: string): Generated[] {
  let read: Promise<Map<string, string>> | undefined
  const files = () => (read ??= chartFiles(root))
  const made = [
    ...SERVICES.map((service) => `${service}/calls.yaml`),
    ...[...SERVICES, 'catamaran'].map((chart) => `${chart}/values.schema.json`),
  ]
  return [
    ...made.map((path) => ({ path: `${CHARTS}/${path}`, make: async () => (await files()).get(path) ?? '' })),
    ...Object.entries(CASES).map(([name, it]) => renderedFile(root, files, `${RENDERED}/${name}.yaml`, (folder) => rendered(folder, it))),
    renderedFile(root, files, `${RENDERED}/refused.txt`, refusals),
  ]
}
