import { existsSync, readFileSync, renameSync, watch, watchFile, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { basename, dirname } from 'node:path'
import { FLAGS } from '@catamaran/flags/registry'
import { messageOf, Refusal } from './errors.js'

export type FlagValue = boolean | string | number | null | FlagValue[] | { [key: string]: FlagValue }

/** What a flag file begins with. */
export const FLAG_DEFAULTS: Record<string, FlagValue> = Object.fromEntries(Object.entries(FLAGS).map(([key, flag]) => [key, flag.default]))

const SETTLE_MS = 30
const HEARTBEAT_MS = 60_000
const POLL_MS = 500

/** The values in a flag file. @throws Error that says what is wrong with it */
export function readFlags(file: string): Record<string, FlagValue> {
  const { flags } = JSON.parse(readFileSync(file, 'utf8')) as { flags?: Record<string, FlagValue> }
  if (typeof flags === 'object' && flags !== null && !Array.isArray(flags)) return flags
  throw new Refusal('it must be { "flags": { "<key>": <value> } }')
}

/** Replaces a flag file as a whole: whoever reads it sees the old or the new one. */
export function writeFlags(file: string, flags: Record<string, FlagValue>): void {
  writeFileSync(`${file}.part`, `${JSON.stringify({ flags }, undefined, 2)}\n`)
  renameSync(`${file}.part`, file)
}

/** A flag as LaunchDarkly's SDKs expect it: with one value for everybody, or with the parts of it that are given. */
const toFlag = (key: string, value: FlagValue, version: number) => ({
  on: true,
  fallthrough: { variation: 0 },
  offVariation: 0,
  targets: [],
  rules: [],
  prerequisites: [],
  salt: key,
  ...(isModel(value) ? value : { variations: [value] }),
  key,
  version,
})

/** Whether a value is a flag in LaunchDarkly's own words. */
const isModel = (value: FlagValue): value is { [key: string]: FlagValue } =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Array.isArray(value['variations'])

/**
 * Speaks LaunchDarkly's streaming protocol from one file: `{ "flags": { "<key>": <value> } }`, where an object with `variations` is a flag in
 * LaunchDarkly's data model (`rules`, `fallthrough` with a `rollout`; what is left out has its usual value). A change of the file reaches every
 * connected service at once; a file that can't be read keeps the values as they are, and `report` says so.
 */
export class FlagRelay {
  private readonly server = createServer((request, response) => {
    request.resume()
    const path = request.url?.split('?')[0]
    if (request.method === 'GET' && path === '/all') return this.stream(response)
    if (request.method === 'GET' && path === '/sdk/latest-all') return answer(response, 200, { flags: this.flags(), segments: {} })
    // What the SDK tells about itself: accepted and forgotten.
    return answer(response, request.method === 'POST' ? 202 : 404, {})
  })
  private readonly listeners = new Set<ServerResponse>()
  private values: Record<string, FlagValue> = {}
  private readonly versions = new Map<string, number>()
  private problem = ''
  private stopWatching: () => void = () => undefined

  constructor(
    private readonly file: string,
    private readonly report: (line: string) => void,
  ) {}

  /** Begins to listen and to watch; makes the file from `defaults` when it isn't there. */
  async start(port: number, defaults: Record<string, FlagValue>, host = '127.0.0.1'): Promise<void> {
    if (!existsSync(this.file)) writeFlags(this.file, defaults)
    this.values = defaults
    for (const key of Object.keys(defaults)) this.versions.set(key, 1)
    this.load()
    this.watchFile()
    await new Promise<void>((resolve, reject) => this.server.once('error', reject).listen(port, host, resolve))
    setInterval(() => this.send(':\n\n'), HEARTBEAT_MS).unref()
  }

  async stop(): Promise<void> {
    this.stopWatching()
    for (const listener of this.listeners) listener.end()
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }

  /** The folder is watched, not the file: an editor's rename over the file would end a watch of the file itself. */
  private watchFile(): void {
    let settle: NodeJS.Timeout | undefined
    const name = basename(this.file)
    try {
      const watcher = watch(dirname(this.file), (_event, changed) => {
        if (changed !== null && changed !== name) return
        clearTimeout(settle)
        settle = setTimeout(() => this.load(), SETTLE_MS)
      })
      this.stopWatching = () => watcher.close()
    } catch {
      // No more inotify watches on this machine: look at it twice a second instead.
      const watcher = watchFile(this.file, { interval: POLL_MS }, () => this.load())
      this.stopWatching = () => void watcher.removeAllListeners().unref()
    }
  }

  private load(): void {
    const read = this.read()
    if (typeof read === 'string') {
      if (read !== this.problem) this.report(`${this.file}: ${read}. The flags stay as they were.`)
      this.problem = read
      return
    }
    if (this.problem !== '') this.report(`${this.file} is readable again.`)
    this.problem = ''
    for (const key of new Set([...Object.keys(this.values), ...Object.keys(read)])) {
      if (JSON.stringify(this.values[key]) === JSON.stringify(read[key])) continue
      const version = (this.versions.get(key) ?? 0) + 1
      this.versions.set(key, version)
      const value = read[key]
      if (value === undefined) this.sendEvent('delete', { path: `/flags/${key}`, version })
      else this.sendEvent('patch', { path: `/flags/${key}`, data: toFlag(key, value, version) })
    }
    this.values = read
  }

  /** The values in the file, or why they can't be had. */
  private read(): Record<string, FlagValue> | string {
    try {
      return readFlags(this.file)
    } catch (error) {
      return messageOf(error)
    }
  }

  private flags() {
    return Object.fromEntries(Object.entries(this.values).map(([key, value]) => [key, toFlag(key, value, this.versions.get(key) ?? 1)]))
  }

  private stream(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    response.write(frame('put', { path: '/', data: { flags: this.flags(), segments: {} } }))
    this.listeners.add(response)
    response.on('close', () => this.listeners.delete(response))
  }

  private sendEvent(event: string, data: unknown): void {
    this.send(frame(event, data))
  }

  private send(text: string): void {
    for (const listener of this.listeners) listener.write(text)
  }
}

const frame = (event: string, data: unknown) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
