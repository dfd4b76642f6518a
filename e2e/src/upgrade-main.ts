// `npm run test:upgrade [-- COMMIT]`: this build and an earlier one in turns on the same data, as an upgrade and a rollback have them.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { audit, openBooks, told, type Report } from '@catamaran/audit'
import { startSystem, type RunningSystem } from '@catamaran/stack'
import { until } from '@catamaran/testing'
import { runSpecs } from './run-specs.js'

const HELP = `npm run test:upgrade [-- COMMIT]

Starts an earlier build on new data, this one on what it left, which brings the schemas to the newest, the earlier one again on those, and this one at last.
Each time what outsiders of that build do has to work as on new data, and the books have to be right. COMMIT is the earlier build: the newest without the last change of a schema.`

const root = fileURLToPath(new URL('../../../', import.meta.url))
const SETTLED_WITHIN_MS = 90_000
const MIGRATIONS = ':(glob)**/migrations/*.sql'
const git = (...args: string[]): string => execFileSync('git', ['-C', root, ...args], { encoding: 'utf8' }).trim()

/** Whether a commit's tests of what outsiders do go to a system that is there already. */
const canBeTried = (commit: string): boolean =>
  spawnSync('git', ['-C', root, 'grep', '-q', 'JOURNEYS_SYSTEM', commit, '--', 'e2e/src/journey.spec.ts']).status === 0

/** The newest commit without the last change of a schema. */
const beforeTheSchema = (): string => {
  const change = git('log', '-1', '--format=%H', '--', MIGRATIONS)
  const since = new Set([change, ...git('rev-list', '--ancestry-path', `${change}..HEAD`).split('\n')])
  const before = git('rev-list', 'HEAD')
    .split('\n')
    .find((commit) => !since.has(commit) && canBeTried(commit))
  if (before === undefined) throw new Error('No commit here is without the last change of a schema and can be tried: name one.')
  return before
}

/** Builds a commit in a folder of its own. */
const build = (commit: string, folder: string): void => {
  git('worktree', 'add', '--detach', folder, commit)
  execFileSync(process.execPath, [join(folder, 'tools/run.mjs'), 'build'], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
}

/** @throws Error with the report, when the books don't come right once all is quiet */
const checkBooks = async (system: RunningSystem): Promise<Report> => {
  let report: Report | undefined
  const right = async (): Promise<Report | undefined> => {
    const { books, close } = await openBooks(system)
    try {
      report = await audit(books)
      const isQuiet = books.lags.every(({ behind }) => behind === 0)
      return isQuiet && report.findings.length === 0 && report.stuck === 0 ? report : undefined
    } finally {
      await close()
    }
  }
  return until(right, { deadlineMs: SETTLED_WITHIN_MS, everyMs: 500, message: 'the books are right' }).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${report === undefined ? '' : told(report)}`)
  })
}

interface Outcome {
  readonly passed: number
  /** That are in the books afterwards; none where the schemas are older than those that the auditor knows. */
  readonly orders: number
}

/** What outsiders do with a build on the data, and then the books. */
const tryOut = async (who: string, dataDir: string, { folder = root, hasOlderSchemas = false } = {}): Promise<Outcome> => {
  const own = await startSystem({ dataDir, fast: false, launcher: join(folder, 'tools/stack/dist/src/main.js') })
  try {
    process.env['JOURNEYS_SYSTEM'] = JSON.stringify(own.system)
    const { passed, failed } = await runSpecs([join(folder, 'e2e/dist/src/journey.spec.js')])
    const report = hasOlderSchemas ? undefined : await checkBooks(own.system)
    console.log(`${who}: ${passed} passed, ${failed} failed; ${report === undefined ? 'older schemas' : told(report).split('\n')[0]}`)
    return { passed, orders: report?.orders ?? 0 }
  } finally {
    await own.stop()
  }
}

const main = async (): Promise<void> => {
  const [asked = beforeTheSchema()] = process.argv.slice(2)
  if (asked.startsWith('-')) return console.log(HELP)
  const commit = git('rev-parse', '--short', asked)
  const added = git('diff', '--name-only', '--diff-filter=A', commit, '--', MIGRATIONS)
  if (added === '') throw new Error(`${commit} has the schemas of this build: nothing would be shown.`)
  console.log(`Since ${commit} came\n${added}`)
  const folder = mkdtempSync(join(tmpdir(), 'catamaran-upgrade-'))
  const [earlier, dataDir] = [join(folder, 'earlier'), join(folder, 'data')]
  try {
    console.log(`Building ${commit}, ${git('log', '-1', '--format=%s', commit)}`)
    build(commit, earlier)
    // Not all that an earlier build tests need be about a system that is there already: what counts is that nothing is lost to the schemas.
    const before = await tryOut(`${commit} on new data`, dataDir, { folder: earlier, hasOlderSchemas: true })
    const after = await tryOut('this build on its data, after its migrations', dataDir)
    const again = await tryOut(`${commit} again, on the newer schemas`, dataDir, { folder: earlier })
    const last = await tryOut('this build again', dataDir)
    const works = before.passed > 0 && again.passed === before.passed && after.passed > 0 && last.passed === after.passed
    // A build whose tests start a system of their own has shown nothing of this one.
    const isOnTheData = after.orders < again.orders && again.orders < last.orders
    if (!isOnTheData)
      throw new Error(
        `The orders did not become more each time: the tests of ${commit} may start a system of their own. Name a later commit.`,
      )
    console.log(works ? 'What worked works on the newer schemas.' : 'Something that worked does not.')
    process.exitCode = works ? 0 : 1
  } finally {
    git('worktree', 'remove', '--force', earlier)
    rmSync(folder, { recursive: true, force: true })
  }
}

await main().catch((error: unknown) => {
  process.stderr.write(`npm run test:upgrade: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
