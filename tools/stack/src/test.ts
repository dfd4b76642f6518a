// `npm test [paths]`: engines once for the whole run, and one line with the sum.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { messageOf } from './errors.js'
import { onParentGone } from './launcher.js'
import { Reaper } from './reaper.js'
import { findSecrets } from './secret-search.js'
import { startEngines } from './start-system.js'

const ROOT = dirname(dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url))))))
const WATCH_FETCH = join(ROOT, 'libs/testing/dist/src/watch-fetch.js')
const COUNTS = new URL('test-counts.js', import.meta.url).pathname
/** No single test may hang the run. */
const TEST_WITHIN_MS = 180_000

/** The packages of the workspace, as paths from the root. */
const packages = (): string[] => {
  const groups = ['libs', 'apps', 'sandbox', 'tools'].flatMap((group) => readdirSync(join(ROOT, group)).map((name) => join(group, name)))
  return [...groups, 'e2e'].filter((path) => existsSync(join(ROOT, path, 'package.json')))
}

/** The built specs of a package whose source still exists: `dist` keeps what was deleted. */
function specsOf(path: string): string[] {
  const dist = join(ROOT, path, 'dist')
  if (!existsSync(dist)) return []
  return readdirSync(dist, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.spec.js') && existsSync(join(ROOT, path, file.replace(/\.js$/, '.ts'))))
    .map((file) => join(dist, file))
    .toSorted()
}

/** The specs that arguments ask for: packages, folders of packages, or groups like `libs`. */
function chosen(args: readonly string[]): string[] {
  const specs = packages().flatMap(specsOf)
  if (args.length === 0) return specs
  const wanted = args.map((arg) => resolve(ROOT, arg).replace(/\/$/, ''))
  return specs.filter((spec) => {
    const source = spec.replace('/dist/', '/').replace(/\.js$/, '.ts')
    return wanted.some((path) => source === path || source.startsWith(`${path}/`))
  })
}

interface Run {
  readonly quiet: boolean
  /** The value of TEST_ENGINES. */
  readonly engines: string
  readonly scratch: string
  readonly reaper: Reaper
}

interface Counts {
  passed: number
  failed: number
}

/** How a group of specs is run. Specs of one process share hooks and memory, which unit tests can and tests with engines can't. */
interface Group {
  specs: string[]
  isolation: 'none' | 'process'
  /** Processes at once. */
  concurrency: number
}

/** Unit specs in one process, those with engines in a process each, and so journeys, which start systems of their own. */
function groupsOf(specs: readonly string[]): Group[] {
  const isJourney = (spec: string) => relative(ROOT, spec).startsWith('e2e/')
  const isUnit = (spec: string) => !isJourney(spec) && spec.includes('/dist/src/')
  const groups: Group[] = [
    { specs: specs.filter(isUnit), isolation: 'none', concurrency: 1 },
    { specs: specs.filter((spec) => !isUnit(spec) && !isJourney(spec)), isolation: 'process', concurrency: 2 },
    { specs: specs.filter(isJourney), isolation: 'process', concurrency: 2 },
  ]
  return groups.filter((group) => group.specs.length > 0)
}

/** Runs a group of specs with all that they start in a process group of its own, which the reaper ends if this process is killed. */
async function runSpecs({ specs, isolation, concurrency }: Group, { quiet, engines, scratch, reaper }: Run): Promise<Counts> {
  const counts = join(scratch, 'counts.json')
  rmSync(counts, { force: true })
  const reporters = [`--test-reporter=${quiet ? 'dot' : 'spec'}`, '--test-reporter-destination=stdout']
  const counting = [`--test-reporter=${COUNTS}`, `--test-reporter-destination=${counts}`]
  const how = [`--test-isolation=${isolation}`, ...(isolation === 'none' ? [] : [`--test-concurrency=${concurrency}`])]
  const options = ['--test', ...how, `--import=${WATCH_FETCH}`, '--enable-source-maps', `--test-timeout=${TEST_WITHIN_MS}`]
  // The pipe to this process's own parent is not passed on, so its number must not be either.
  const { CATAMARAN_PARENT_FD: _pipe, ...inherited } = process.env
  const child = spawn(process.execPath, [...options, ...reporters, ...counting, ...specs], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...inherited, TEST_ENGINES: engines, TEST_RUN_DIR: scratch },
    detached: true,
  })
  const pid = child.pid ?? 0
  reaper.watch(pid, 'SIGKILL')
  running = pid
  const [code] = (await once(child, 'exit')) as [number | null]
  running = 0
  reaper.forget(pid)
  const read = existsSync(counts) ? readFileSync(counts, 'utf8') : ''
  const found = read === '' ? { passed: 0, failed: 0 } : (JSON.parse(read) as Counts)
  // A run that ended badly without a failed test (a crash, an unhandled rejection) is a failure too.
  return code !== 0 && found.failed === 0 ? { ...found, failed: 1 } : found
}

/** The process group of the specs that run at the moment, or 0. */
let running = 0

async function main(): Promise<number> {
  const quiet = process.argv.includes('--quiet')
  const specs = chosen(process.argv.slice(2).filter((arg) => arg !== '--quiet'))
  if (specs.length === 0) {
    process.stderr.write(
      'There is no test there. Paths are folders or spec files from the root of the repository, for example libs/data.\n',
    )
    return 1
  }
  const scratch = mkdtempSync(join(tmpdir(), 'catamaran-test-'))
  mkdirSync(join(scratch, 'logs'))
  const given = process.env['TEST_ENGINES']
  const started = given ? undefined : await startEngines({ dataDir: join(scratch, 'data'), ...(!quiet && { stderr: process.stderr }) })
  const reaper = await Reaper.start(scratch)
  const stop = async () => {
    await started?.stop()
    await reaper.close()
    rmSync(scratch, { recursive: true, force: true })
  }
  let isAborted = false
  const abort = () => {
    isAborted = true
    if (running !== 0) process.kill(-running, 'SIGKILL')
    void stop().finally(() => process.exit(130))
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, abort)
  onParentGone(process.env, abort)
  const engines = given ?? JSON.stringify(started?.system.engines)
  const total: Counts = { passed: 0, failed: 0 }
  try {
    for (const group of groupsOf(specs)) {
      if (isAborted) break
      const { passed, failed } = await runSpecs(group, { quiet, engines, scratch, reaper })
      total.passed += passed
      total.failed += failed
    }
    for (const { kind, place } of findSecrets(scratch)) {
      process.stdout.write(`A secret stands in a log: ${kind}, in ${place}\n`)
      total.failed++
    }
  } finally {
    await stop()
  }
  process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`)
  return total.failed > 0 || total.passed === 0 ? 1 : 0
}

process.exit(
  await main().catch((error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`)
    return 1
  }),
)
