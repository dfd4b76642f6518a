import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { processTree } from '@catamaran/stack'

const TICK_US = 1_000_000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
const LOOK_EVERY_MS = 250

/** The processor time of one process so far in microseconds, its children's not included; of one that is gone, 0. */
export function cpuOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command may hold spaces and brackets; behind its last bracket the 12th and 13th fields are user and system time.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK_US
  } catch {
    return 0
  }
}

/** Processor time by name: of a process and all that live below it. */
export type CpuTimes = Record<string, number>

export const readCpu = (pids: Record<string, number>): CpuTimes =>
  Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, processTree(pid).reduce((sum, member) => sum + cpuOf(member), 0)]))

export const cpuSince = (before: CpuTimes, after: CpuTimes): CpuTimes =>
  Object.fromEntries(Object.entries(after).map(([name, us]) => [name, us - (before[name] ?? 0)]))

/** Waits until the processes are at rest: together below `share` of one core between two looks. Goes on after the deadline. */
export async function atRest(pids: Record<string, number>, share = 0.15, deadlineMs = 10_000): Promise<void> {
  const total = () => Object.values(readCpu(pids)).reduce((sum, us) => sum + us, 0)
  for (const deadline = Date.now() + deadlineMs; Date.now() < deadline;) {
    const before = total()
    await delay(LOOK_EVERY_MS)
    if (total() - before < share * LOOK_EVERY_MS * 1000) return
  }
}
