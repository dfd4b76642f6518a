import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { dashboards, OBJECTIVE_RULES, objectiveRules } from '@catamaran/observe'
import { apiIncompatibilities, type OpenApi } from './api-compatibility.js'
import { asyncApiText, type AsyncApi } from './asyncapi.js'
import { charts } from './charts.js'
import { incompatibilities } from './event-compatibility.js'
import { mergedOpenApi } from './openapi.js'
import { SDK_TYPES, sdkTypesOf } from './sdk.js'
import { git, readText, type Fault } from './workspace.js'

export type Note = (text: string) => void

/** A committed file that is made from the code. */
export interface Generated {
  readonly path: string
  /** Its text, or its bytes where it is none. Where making it takes what not every machine has, it fails when `write` is false. */
  readonly make: (write: boolean) => Promise<string | Buffer>
  /** Why `next`, a text, may not take the place of what is committed, one sentence each; `note` hears what else is worth telling. */
  readonly refuses?: (root: string, next: string, note: Note) => string[]
}

/** What a file was: in the work tree, in the last commit, in the one before, and where this branch left the main one. */
function versionsOf(root: string, path: string): string[] {
  const tryGit = (...args: string[]): string => {
    try {
      return git(root, ...args)
    } catch {
      // A shallow clone, a first commit or a file that is new: there is nothing to compare with.
      return ''
    }
  }
  const bases = ['origin/main', 'main'].map((main) => tryGit('merge-base', 'HEAD', main).trim())
  const commits = ['HEAD', 'HEAD^', ...bases].filter((commit) => commit !== '')
  const texts = commits.map((commit) => tryGit('show', `${commit}:${path}`))
  if (existsSync(join(root, path))) texts.push(readText(root, path))
  return [...new Set(texts)].filter((text) => text !== '')
}

const refusesEvents = (path: string) => (root: string, next: string) => {
  const now = JSON.parse(next) as AsyncApi
  return [...new Set(versionsOf(root, path).flatMap((old) => incompatibilities(JSON.parse(old) as AsyncApi, now)))]
}

const OPENAPI = 'apps/api-gateway/openapi.json'
/** Incompatible changes that were made on purpose before the first release: each sentence as the check says it, with the reason. */
export const ACCEPTED = 'apps/api-gateway/accepted-changes.json'

const refusesApi = (root: string, next: string, note: Note): string[] => {
  const old = versionsOf(root, OPENAPI)
  if (old.length === 0) note(`${OPENAPI} has no earlier state in git here: nothing to compare it with`)
  const now = JSON.parse(next) as OpenApi
  const accepted = existsSync(join(root, ACCEPTED)) ? (JSON.parse(readText(root, ACCEPTED)) as Record<string, string>) : {}
  const found = old.filter((text) => text !== next).flatMap((text) => apiIncompatibilities(JSON.parse(text) as OpenApi, now))
  return [...new Set(found)]
    .filter((change) => (accepted[change] ?? '').trim() === '')
    .map(
      (change) =>
        `breaks callers: ${change}. Add instead of changing; to do it all the same, put the sentence with a reason into ${ACCEPTED}`,
    )
}

const ASYNCAPI = 'docs/events.asyncapi.json'

/** The filter of common passwords, as auth-service makes it of the lists it has as devDependencies. */
const commonPasswords = async (): Promise<Buffer> => {
  const script = fileURLToPath(new URL('../../../../apps/auth-service/dist/test/common-passwords.js', import.meta.url))
  const options = { encoding: 'buffer', timeout: 240_000, maxBuffer: 16 * 1024 * 1024 } as const
  return (await promisify(execFile)(process.execPath, [script], options)).stdout
}

/** Made once a run: two files come of it. */
let merged: Promise<string> | undefined
const openApi = (): Promise<string> => (merged ??= mergedOpenApi())
const sdkTypes = async (): Promise<string> => sdkTypesOf(await openApi())

/** The project's own folder. */
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))

export const GENERATED: readonly Generated[] = [
  { path: ASYNCAPI, make: () => Promise.resolve(asyncApiText()), refuses: refusesEvents(ASYNCAPI) },
  { path: OPENAPI, make: openApi, refuses: refusesApi },
  { path: SDK_TYPES, make: sdkTypes },
  { path: 'apps/auth-service/assets/common-passwords.bin', make: commonPasswords },
  { path: OBJECTIVE_RULES, make: (write) => objectiveRules(ROOT, write) },
  ...dashboards(ROOT),
  ...charts(ROOT),
]

/** The first line in which two texts differ, from 1. */
const firstDifference = (a: string, b: string): number => {
  const [left, right] = [a.split('\n'), b.split('\n')]
  return left.findIndex((line, index) => line !== right[index]) + 1 || left.length + 1
}

async function checkOne(root: string, { path, make, refuses }: Generated, write: boolean, note: Note): Promise<Fault[]> {
  const next = await make(write)
  const reasons = typeof next === 'string' ? (refuses?.(root, next, note) ?? []) : []
  if (reasons.length > 0) return reasons.map((message) => ({ path, message }))
  const target = join(root, path)
  const found = existsSync(target) ? readFileSync(target) : undefined
  if (found?.equals(Buffer.from(next)) === true) return []
  if (!write) {
    const message = 'is not what the code makes of it: run npm run generate and commit the result'
    const isText = found !== undefined && typeof next === 'string'
    return [isText ? { path, line: firstDifference(next, found.toString('utf8')), message } : { path, message }]
  }
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, next)
  return []
}

/** Generated files are as committed; with `write` they are made so. An incompatible one is refused either way. */
export async function checkGenerated(
  root: string,
  write: boolean,
  list: readonly Generated[] = GENERATED,
  note: Note = () => undefined,
): Promise<Fault[]> {
  const faults = await Promise.all(
    list.map((one) =>
      checkOne(root, one, write, note).catch((error: unknown) => [{ path: one.path, message: `could not be made: ${String(error)}` }]),
    ),
  )
  return faults.flat()
}
