import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { Refusal } from './errors.js'
import { lock, LockHeld } from './lock.js'

/** Every port of the system, by its distance from the port base. */
const OFFSETS = {
  'api-gateway': 0,
  'auth-service': 1,
  'core-service': 2,
  'aux-service': 3,
  'api-gateway-admin': 10,
  'auth-service-admin': 11,
  'core-service-admin': 12,
  'aux-service-admin': 13,
  mail: 20,
  smtp: 21,
  partner: 22,
  psp: 23,
  flags: 24,
  postgres: 30,
  redis: 31,
  dynamodb: 32,
  kafka: 33,
  'kafka-controller': 34,
  'kafka-outside': 35,
} as const

export type PortName = keyof typeof OFFSETS
export type Ports = Record<PortName, number>

/** Binds a port for a moment, to see that it is free. Resolves with how to let it go. */
function hold(port: number, host: string): Promise<() => Promise<void>> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ port, host, exclusive: true }, () => resolve(() => new Promise((done) => server.close(() => done()))))
  })
}

/**
 * Gives each name its port and sees that it is free. `names` are those that will be used: an engine of one's own needs none.
 * @param base the first port, or 0 for any that are free
 * @throws Refusal that names the port, its holder and what to do
 */
export async function choosePorts(base: number, names: readonly PortName[], gatewayHost: string): Promise<Ports> {
  if (base !== 0) return portsFrom(base, names, gatewayHost)
  for (let tries = 0; tries < BLOCKS; tries++) {
    const any = FIRST + BLOCK * Math.floor(Math.random() * BLOCKS)
    const release = await lock(`ports ${any}`, { wait: false }).catch(unlessHeld)
    if (release === undefined) continue
    try {
      return await portsFrom(any, names, gatewayHost)
    } catch (error) {
      await release()
      if (!(error instanceof PortInUse)) throw error
    }
  }
  throw new Refusal(`No ${BLOCK} ports in a row are free between ${FIRST} and ${FIRST + BLOCK * BLOCKS}.`)
}

/**
 * Blocks of ports below those that the kernel gives out by itself (Linux: from 32768 on): a port of those may be somebody's outgoing connection before we
 * come to listen on it. A block is locked as long as this process lives, so that no other system of ours takes it between.
 */
const [FIRST, BLOCK, BLOCKS] = [12_000, 40, 500]

class PortInUse extends Refusal {}

const unlessHeld = (error: unknown): undefined => {
  if (!(error instanceof LockHeld)) throw error
}

async function portsFrom(base: number, names: readonly PortName[], gatewayHost: string): Promise<Ports> {
  const held = await Promise.allSettled(
    names.map(async (name) => {
      const [port, host] = [base + OFFSETS[name], name === 'api-gateway' ? gatewayHost : '127.0.0.1']
      return hold(port, host).catch((error: NodeJS.ErrnoException) => refuse(name, port, host, error))
    }),
  )
  await Promise.all(held.flatMap((each) => (each.status === 'fulfilled' ? [each.value()] : [])))
  for (const each of held) if (each.status === 'rejected') throw each.reason
  return Object.fromEntries(
    Object.entries(OFFSETS).map(([name, offset]) => [name, names.includes(name as PortName) ? base + offset : 0]),
  ) as Ports
}

function refuse(name: string, port: number, host: string, error: NodeJS.ErrnoException): never {
  if (error.code === 'EADDRINUSE') {
    const holder = holderOf(port)
    throw new PortInUse(
      `Port ${port} (${name}) is in use${holder ? ` by ${holder}` : ''}. ` +
        `Stop that process, or start with other ports: npm start -- --port-base 5000 --data .catamaran-5000`,
    )
  }
  if (error.code === 'EADDRNOTAVAIL') throw new Refusal(`${host} is not an address of this machine: give --listen one that is, or 0.0.0.0.`)
  throw new Refusal(`Port ${port} (${name}) can't be opened on ${host}: ${error.message}.`)
}

/** Who listens on a port, as "node apps/x (pid 12)", where /proc lets us read it. */
export function holderOf(port: number): string | undefined {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const inodes = new Set<string>()
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readLines(table)) {
      const columns = line.trim().split(/\s+/)
      if (columns[1]?.endsWith(hex) && columns[3] === '0A' && columns[9]) inodes.add(`socket:[${columns[9]}]`)
    }
  }
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    if (descriptorsOf(pid).some((target) => inodes.has(target))) return `${commandOf(pid)} (pid ${pid})`
  }
  return undefined
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n')
  } catch {
    return [] // not readable here: the holder stays unnamed
  }
}

function descriptorsOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))
  } catch {
    return [] // another user's process, or one that just ended
  }
}

function commandOf(pid: string): string {
  const [command = ''] = readLines(`/proc/${pid}/cmdline`)
  return command.replaceAll('\0', ' ').trim().slice(0, 80) || 'a process'
}
