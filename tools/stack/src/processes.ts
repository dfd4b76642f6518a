import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Refusal } from './errors.js'
import type { Logs } from './logs.js'
import type { Reaper } from './reaper.js'

export interface ProcessSpec {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  /** Added to what every child inherits. */
  readonly env?: Record<string, string>
  readonly cwd?: string
  readonly uid?: number
  readonly gid?: number
  /** Asked again and again until it is true; a rejection counts as "not yet". */
  readonly isReady: () => Promise<boolean>
  readonly readyWithinMs: number
  readonly stopSignal: NodeJS.Signals
  /** Stopped with the others of its rank: the door first, engines last. */
  readonly rank: 'door' | 'service' | 'sandbox' | 'engine'
  /** Done before each start, also before a restart. */
  readonly beforeStart?: () => Promise<void>
  /** Done after it was stopped. */
  readonly afterStop?: () => void
}

/** Something that ends by itself. */
export type TaskSpec = Pick<ProcessSpec, 'name' | 'command' | 'args' | 'env' | 'cwd' | 'uid' | 'gid'>

interface Running {
  readonly spec: ProcessSpec
  child: ChildProcess
  logFrom: number
  startedAt: number
  restarts: number
}

const RANKS = ['door', 'service', 'sandbox', 'engine'] as const
/** The longest each rank may take; the engines have what is left of the whole, since Kafka's first stop writes its class archive. */
const STOP_WITHIN_MS: Record<ProcessSpec['rank'], number> = { door: 4500, service: 4500, sandbox: 1000, engine: 14_500 }
const STOP_ALL_WITHIN_MS = 14_500
const FIRST_BACKOFF_MS = 200
const LONGEST_BACKOFF_MS = 10_000
/** A process that lived this long starts again with the shortest backoff. */
const STEADY_AFTER_MS = 30_000
const POLL_MS = 50

const hasExited = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null
const howItEnded = (child: ChildProcess) => (child.signalCode ? `was killed by ${child.signalCode}` : `exited with code ${child.exitCode}`)

/** Starts processes, waits until they are ready, brings back those that die, and stops them in order. */
export class Processes {
  private readonly running = new Map<string, Running>()
  private readonly tasks = new Set<ChildProcess>()
  private readonly stopping = new AbortController()
  private onBack: () => void = () => undefined

  /**
   * @param env what every child inherits
   * @param report is told one line for each death and each return */
  constructor(
    private readonly logs: Logs,
    private readonly reaper: Reaper,
    private readonly env: NodeJS.ProcessEnv,
    private readonly report: (line: string) => void,
  ) {}

  /** Calls `listener` whenever a process was brought back, under another pid. */
  whenBack(listener: () => void): void {
    this.onBack = listener
  }

  pidOf(name: string): number {
    return this.running.get(name)?.child.pid ?? 0
  }

  /**
   * Starts a process and resolves once it is ready. From then on it is brought back whenever it dies.
   * @throws Refusal with its last log lines when it ends or is not ready in time
   */
  async start(spec: ProcessSpec): Promise<void> {
    await spec.beforeStart?.()
    this.stopping.signal.throwIfAborted()
    const running: Running = { spec, restarts: 0, startedAt: Date.now(), ...this.spawn(spec) }
    this.running.set(spec.name, running)
    await this.untilReady(running)
    this.supervise(running)
  }

  /**
   * Runs something that ends by itself, with its output in its log; `onLine` is given its standard output instead.
   * @throws Refusal with its last log lines when it fails
   */
  async runToEnd(spec: TaskSpec, onLine?: (line: string) => void): Promise<void> {
    this.stopping.signal.throwIfAborted()
    const { child, logFrom } = this.spawn({ ...spec, stopSignal: 'SIGKILL' }, onLine !== undefined)
    this.tasks.add(child)
    let rest = ''
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) onLine?.(line)
    })
    await once(child, 'close').finally(() => this.tasks.delete(child))
    if (child.exitCode !== 0) throw new Refusal(`${spec.name} ${howItEnded(child)}.${this.lastLines(spec.name, logFrom)}`)
  }

  /** Stops everything, the gateway first and engines last; what doesn't stop in its time is killed. */
  async stopAll(): Promise<void> {
    this.stopping.abort(new Error('stopping'))
    for (const task of this.tasks) killGroup(task, 'SIGKILL')
    const deadline = performance.now() + STOP_ALL_WITHIN_MS
    for (const rank of RANKS) {
      const group = [...this.running.values()].filter(({ spec }) => spec.rank === rank)
      const withinMs = Math.min(STOP_WITHIN_MS[rank], deadline - performance.now())
      await Promise.all(group.map((running) => this.stop(running, withinMs)))
    }
  }

  /** Ends everything at once, without asking. */
  killAll(): void {
    this.stopping.abort(new Error('stopping'))
    for (const { child } of this.running.values()) killGroup(child, 'SIGKILL')
  }

  private spawn(spec: TaskSpec & Pick<ProcessSpec, 'stopSignal'>, wantsOutput = false) {
    const { fd, from } = this.logs.open(spec.name)
    // Its own process group: a terminal's Ctrl-C must reach the launcher only, which then stops the rest in order.
    const child = spawn(spec.command, [...spec.args], {
      ...(spec.cwd && { cwd: spec.cwd }),
      ...(spec.uid !== undefined && { uid: spec.uid, gid: spec.gid ?? spec.uid }),
      env: { ...this.env, ...spec.env },
      detached: true,
      stdio: ['ignore', wantsOutput ? 'pipe' : fd, fd],
    })
    closeSync(fd)
    const { pid } = child
    if (pid !== undefined) {
      this.reaper.watch(pid, spec.stopSignal)
      child.once('exit', () => this.reaper.forget(pid))
    }
    return { child, logFrom: from }
  }

  private async untilReady(running: Running): Promise<void> {
    const { spec, child } = running
    let failed: Error | undefined
    child.once('error', (error) => (failed = error))
    const deadline = Date.now() + spec.readyWithinMs
    for (;;) {
      if (failed) throw new Refusal(`${spec.name} could not be started: ${failed.message}.`)
      if (hasExited(child))
        throw new Refusal(`${spec.name} ${howItEnded(child)} before it was ready.${this.lastLines(spec.name, running.logFrom)}`)
      if (await spec.isReady().catch(() => false)) return
      if (Date.now() > deadline) {
        throw new Refusal(`${spec.name} was not ready within ${spec.readyWithinMs / 1000} s.${this.lastLines(spec.name, running.logFrom)}`)
      }
      await delay(POLL_MS, undefined, { signal: this.stopping.signal })
    }
  }

  private supervise(running: Running): void {
    const { child } = running
    const onExit = () => void this.bringBack(running).catch((error: Error) => this.isStopping || this.report(error.message))
    if (hasExited(child)) onExit()
    else child.once('exit', onExit)
  }

  private async bringBack(running: Running): Promise<void> {
    const { spec, child } = running
    if (this.isStopping) return
    if (Date.now() - running.startedAt > STEADY_AFTER_MS) running.restarts = 0
    const backoffMs = Math.min(FIRST_BACKOFF_MS * 2 ** running.restarts++, LONGEST_BACKOFF_MS)
    this.report(
      `${spec.name} ${howItEnded(child)}; starting it again in ${backoffMs / 1000} s.${this.lastLines(spec.name, running.logFrom)}`,
    )
    await delay(backoffMs, undefined, { signal: this.stopping.signal })
    await spec.beforeStart?.()
    if (this.isStopping) return
    Object.assign(running, { startedAt: Date.now(), ...this.spawn(spec) })
    try {
      await this.untilReady(running)
      this.report(`${spec.name} is back (pid ${running.child.pid}).`)
      this.onBack()
    } catch (error) {
      if (!this.isStopping && !hasExited(running.child)) killGroup(running.child, 'SIGKILL')
      if (running.child.pid === undefined) throw error
    }
    this.supervise(running)
  }

  private async stop({ spec, child }: Running, withinMs: number): Promise<void> {
    if (hasExited(child) || child.pid === undefined) return
    const exited = once(child, 'exit')
    killGroup(child, spec.stopSignal)
    const timer = setTimeout(() => killGroup(child, 'SIGKILL'), withinMs)
    await exited
    clearTimeout(timer)
    spec.afterStop?.()
  }

  private get isStopping(): boolean {
    return this.stopping.signal.aborted
  }

  private lastLines(name: string, from: number): string {
    const tail = this.logs.tail(name, from)
    return tail ? ` Its last lines (${this.logs.pathOf(name)}):\n${tail}` : ` It wrote nothing to ${this.logs.pathOf(name)}.`
  }
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal)
  } catch {
    // already gone
  }
}
