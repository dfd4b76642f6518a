import { createHash } from 'node:crypto'
import { connect, createServer, type Socket } from 'node:net'

/** The pid of whoever holds the lock. */
export class LockHeld extends Error {
  constructor(readonly pid: number) {
    super(`held by process ${pid}`)
  }
}

const nameOf = (path: string) => `\0catamaran-${process.getuid?.() ?? 0}-${createHash('sha256').update(path).digest('hex').slice(0, 32)}`

/** Listens on an abstract socket: the kernel gives each name to one process and takes it back when that one dies, however it dies. */
function listen(path: string): Promise<(() => Promise<void>) | undefined> {
  return new Promise((resolve, reject) => {
    const waiting = new Set<Socket>()
    const server = createServer((socket) => {
      waiting.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => waiting.delete(socket))
      socket.write(`${process.pid}\n`)
    })
    const release = () =>
      new Promise<void>((done) => {
        server.close(() => done())
        for (const socket of waiting) socket.destroy()
      })
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)))
    server.listen(nameOf(path), () => resolve(release))
    server.unref()
  })
}

/** Asks the holder for its pid and stays connected until it lets go; resolves with the pid it told, if it came to that. */
function waitForHolder(path: string, onPid?: (pid: number) => void): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(nameOf(path))
    socket.on('data', (chunk) => onPid?.(Number(chunk.toString())))
    socket.on('error', () => undefined)
    socket.on('close', () => resolve())
  })
}

/**
 * Takes the lock of a path for this process and returns how to let it go.
 * @throws LockHeld at once when another process has it, unless `wait` is set
 */
export async function lock(path: string, { wait }: { wait: boolean }): Promise<() => Promise<void>> {
  for (;;) {
    const release = await listen(path)
    if (release) return release
    if (wait) await waitForHolder(path)
    else await new Promise<void>((resolve, reject) => void waitForHolder(path, (pid) => reject(new LockHeld(pid))).then(resolve))
  }
}
