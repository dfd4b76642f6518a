// `npm run test:upgrade [-- COMMIT]`: this build and an earlier one in turns on the same data, as an upgrade and a rollback have them.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { audit, openBooks, told } from '@catamaran/audit'
import { startSystem, type RunningSystem } from '@catamaran/stack'
import { until } from '@catamaran/testing'
import { runSpecs } from './run-specs.js'

const HELP = `npm run test:upgrade [-- COMMIT]

Starts an earlier build on new data, this one on what it left, which brings the schemas to the newest, the earlier one again on those, and this one at last.
Each time what outsiders do has to work, and the books have to be right. COMMIT is the earlier build: the one before the last that changed a schema.`

const root = fileURLToPath(new URL('../../../', import.meta.url))
const SETTLED_WITHIN_MS = 90_000
const git = (...args: string[]): string => execFileSync('git', ['-C', root, ...args], { encoding: 'utf8' }).trim()

/** The commit before the last one that changed a schema. */
const beforeTheSchema = (): string =>
  git('rev-parse', `${git('log', '-1', '--format=%H', '--', 'apps/*/migrations', 'libs/messaging/migrations')}^`)

/** Builds a commit in a folder of its own. */
const build = (commit: string, folder: string): void => {
  git('worktree', 'add', '--detach', folder, commit)
  execFileSync(process.execPath, [join(folder, 'tools/run.mjs'), 'build'], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
}

/** @throws Error with the report, when the books don't come right once all is quiet */
const checkBooks = async (system: RunningSystem): Promise<string> => {
  let report = ''
  const isRight = async (): Promise<boolean> => {
    const { books, close } = await openBooks(system)
    try {
      const audited = await audit(books)
      report = told(audited)
      return audited.findings.length === 0 && audited.stuck === 0 && books.lags.every(({ behind }) => behind === 0)
    } finally {
      await close()
    }
  }
  await until(isRight, { deadlineMs: SETTLED_WITHIN_MS, everyMs: 500, message: 'the books are right' }).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${report}`)
  })
  return report.split('\n')[0] ?? ''
}

/** What outsiders do, and then the books, with a build on the data. @returns how many of it failed */
const tryOut = async (who: string, dataDir: string, launcher?: string): Promise<number> => {
  const own = await startSystem({ dataDir, fast: false, ...(launcher !== undefined && { launcher }) })
  try {
    process.env['JOURNEYS_SYSTEM'] = JSON.stringify(own.system)
    const { passed, failed } = await runSpecs([fileURLToPath(new URL('journey.spec.js', import.meta.url))])
    const books = failed === 0 ? await checkBooks(own.system) : 'the books were not looked at'
    console.log(`${who}: ${passed} passed, ${failed} failed; ${books}`)
    return failed + (passed === 0 ? 1 : 0)
  } finally {
    await own.stop()
  }
}

const main = async (): Promise<void> => {
  const [asked = beforeTheSchema()] = process.argv.slice(2)
  if (asked.startsWith('-')) return console.log(HELP)
  const commit = git('rev-parse', '--short', asked)
  const folder = mkdtempSync(join(tmpdir(), 'catamaran-upgrade-'))
  const [earlier, dataDir] = [join(folder, 'earlier'), join(folder, 'data')]
  try {
    console.log(`Building ${commit}, ${git('log', '-1', '--format=%s', commit)}`)
    build(commit, earlier)
    const launcher = join(earlier, 'tools/stack/dist/src/main.js')
    let failed = await tryOut(`${commit} on new data`, dataDir, launcher)
    failed += await tryOut('this build on its data, after its migrations', dataDir)
    failed += await tryOut(`${commit} again, on the newer schemas`, dataDir, launcher)
    failed += await tryOut('this build again', dataDir)
    process.exitCode = failed === 0 ? 0 : 1
  } finally {
    git('worktree', 'remove', '--force', earlier)
    rmSync(folder, { recursive: true, force: true })
  }
}

await main().catch((error: unknown) => {
  process.stderr.write(`npm run test:upgrade: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
