import type { Cache } from './cache.js'
import type { Java } from './java.js'
import type { Secrets } from './keys.js'
import type { Ports } from './ports.js'
import type { Processes } from './processes.js'
import type { Say } from './progress.js'

/** Two cores and little memory: the smallest collector, the quick compiler only, no shared performance file. */
export const LEAN_JVM = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData']

export interface EngineContext {
  readonly dataDir: string
  readonly ports: Ports
  readonly fast: boolean
  /** The address by which services elsewhere reach this machine. */
  readonly reach?: string | undefined
  readonly env: NodeJS.ProcessEnv
  readonly cache: Cache
  readonly secrets: Secrets
  readonly processes: Processes
  /** Tells the user a line that stays. */
  readonly report: (line: string) => void
  /** Looked for once, by whoever needs it first. */
  readonly java: (say: Say) => Promise<Java>
}

export type EngineName = 'postgres' | 'redis' | 'dynamodb' | 'kafka'
