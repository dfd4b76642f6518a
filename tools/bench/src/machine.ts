import { closeSync, fdatasyncSync, mkdtempSync, openSync, readFileSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { median, percentile } from './statistics.js'

const TMPFS = 0x01021994
const SYNCS = 300
const PAGE_BYTES = 8192

/** A folder of the bench's own on a disk that keeps what it is told: an fsync in memory would cost nothing. */
export function makeDataDir(asked: string | undefined): string {
  const parent = asked ?? [tmpdir(), '/var/tmp'].find((path) => statfsSync(path).type !== TMPFS)
  if (parent === undefined) throw new Error('The temporary folders lie in memory: name one on a disk with --data DIR.')
  return mkdtempSync(join(parent, 'catamaran-bench-'))
}

/** What one fdatasync of a page costs on this disk, in milliseconds: a commit can't be faster. */
export function measureSync(dir: string): { medianMs: number; p99Ms: number } {
  const path = join(dir, 'sync')
  const fd = openSync(path, 'w')
  const page = Buffer.alloc(PAGE_BYTES, 1)
  const times: number[] = []
  for (let index = 0; index < SYNCS; index++) {
    const since = performance.now()
    writeSync(fd, page, 0, PAGE_BYTES, 0)
    fdatasyncSync(fd)
    times.push(performance.now() - since)
  }
  closeSync(fd)
  rmSync(path)
  return { medianMs: median(times), p99Ms: percentile(times, 0.99) }
}

export interface Machine {
  readonly cores: number
  readonly model: string
  readonly memoryGiB: number
  /** Processes that ran or waited for a core on average of the last minute. */
  readonly load: number
}

export const describeMachine = (): Machine => ({
  cores: availableParallelism(),
  model: cpus()[0]?.model.trim() ?? 'unknown',
  memoryGiB: Number(/MemTotal:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0) / 1024 ** 2,
  load: loadavg()[0] ?? 0,
})
