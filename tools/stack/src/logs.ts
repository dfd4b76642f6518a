import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'

const ROTATE_AT_BYTES = 10 * 1024 * 1024
const TAIL_BYTES = 4096

/** The log files of one system: one per process, the one before it kept as `<name>.1.log` once it is large. */
export class Logs {
  constructor(readonly dir: string) {
    mkdirSync(dir, { recursive: true })
  }

  pathOf(name: string): string {
    return join(this.dir, `${name}.log`)
  }

  /** Opens a log to be handed over to a process. `from` is where that process's own lines begin. Close `fd` once it is handed over. */
  open(name: string): { fd: number; from: number } {
    const path = this.pathOf(name)
    if (existsSync(path) && statSync(path).size > ROTATE_AT_BYTES) renameSync(path, join(this.dir, `${name}.1.log`))
    const fd = openSync(path, 'a', 0o600)
    return { fd, from: fstatSync(fd).size }
  }

  /** The last lines a process wrote, indented, ready to stand under a message; empty when it wrote none. */
  tail(name: string, from: number, lines = 12): string {
    const fd = openSync(this.pathOf(name), 'r')
    try {
      const size = fstatSync(fd).size
      const start = Math.max(from, size - TAIL_BYTES)
      const buffer = Buffer.alloc(Math.max(0, size - start))
      readSync(fd, buffer, 0, buffer.length, start)
      const text = buffer.toString('utf8').trimEnd()
      return text === ''
        ? ''
        : text
            .split('\n')
            .slice(-lines)
            .map((line) => `    ${line.slice(0, 400)}`)
            .join('\n')
    } finally {
      closeSync(fd)
    }
  }
}
