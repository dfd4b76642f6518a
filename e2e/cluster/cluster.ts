import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../../', import.meta.url))
export const CHART = join(root, 'deploy/helm/catamaran')

const FOLDERS = (process.env['PATH'] ?? '').split(delimiter)

/** Where a program is; undefined when the machine has none. */
export const find = (program: string): string | undefined => FOLDERS.map((folder) => join(folder, program)).find((path) => existsSync(path))

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end, however it ends. */
export const attempt = async (program: string, args: readonly string[], env: Record<string, string> = {}, input = ''): Promise<Ran> => {
  const child = spawn(program, args, { cwd: root, env: { ...process.env, ...env } })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.stdin.end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

/** Runs a program that has to end well. @returns what it printed @throws Error with all that it said, when it does not */
export const run = async (program: string, args: readonly string[], env?: Record<string, string>, input?: string): Promise<string> => {
  const { code, stdout, stderr } = await attempt(program, args, env, input)
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}\n${stdout.slice(-4000)}${stderr.slice(-4000)}`)
  return stdout
}

/** What of an object of the API the tests look at. */
export interface Resource {
  readonly apiVersion?: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid?: string
    readonly labels?: Record<string, string>
    readonly annotations?: Record<string, string>
    readonly creationTimestamp?: string
  }
  readonly spec?: Record<string, unknown>
  readonly status?: Record<string, unknown>
}

/** The cluster that a kubeconfig names, through the programs that people use too. */
export class Cluster {
  constructor(private readonly kubeconfig: string) {}

  /** @throws Error with all that the program said, when it does not end well */
  run(program: string, args: readonly string[], input?: string): Promise<string> {
    return run(program, args, { KUBECONFIG: this.kubeconfig }, input)
  }

  attempt(program: string, args: readonly string[], input?: string): Promise<Ran> {
    return attempt(program, args, { KUBECONFIG: this.kubeconfig }, input)
  }

  kubectl(...args: string[]): Promise<string> {
    return this.run('kubectl', args)
  }

  /** `helm` with a file of values. */
  helm(args: readonly string[], values?: object): Promise<string> {
    return this.run('helm', values === undefined ? args : [...args, '-f', '-'], values && JSON.stringify(values))
  }

  async apply(...objects: object[]): Promise<void> {
    await this.run(
      'kubectl',
      ['apply', '--server-side', '--force-conflicts', '-f', '-'],
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
    )
  }

  async list(kind: string, ...args: string[]): Promise<Resource[]> {
    return (JSON.parse(await this.kubectl('get', kind, '-o', 'json', ...args)) as { items: Resource[] }).items
  }

  async get(kind: string, name: string, namespace: string): Promise<Resource> {
    return JSON.parse(await this.kubectl('get', kind, name, '-n', namespace, '-o', 'json')) as Resource
  }
}
