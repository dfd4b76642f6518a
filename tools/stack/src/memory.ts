import { readdirSync, readFileSync } from 'node:fs'

/** The parent of every process, by pid. */
function parents(): Map<number, number> {
  const found = new Map<number, number>()
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      // The command may hold spaces and brackets; what follows its last bracket doesn't: state, parent, ...
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8')
      found.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
    } catch {
      // ended meanwhile
    }
  }
  return found
}

/** A process and all that descend from it. */
export function processTree(pid: number): number[] {
  const all = parents()
  const tree = [pid]
  for (const parent of tree) for (const [child, itsParent] of all) if (itsParent === parent) tree.push(child)
  return tree
}

/**
 * The memory of a process and all its descendants in bytes, each shared page divided among its users (proportional set size, from
 * `/proc/<pid>/smaps_rollup`); what ended meanwhile counts nothing. Example: `pssOf(system.pid)`, the whole system.
 */
export function pssOf(pid: number): number {
  let bytes = 0
  for (const member of processTree(pid)) {
    try {
      bytes += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${member}/smaps_rollup`, 'utf8'))?.[1] ?? 0) * 1024
    } catch {
      // ended meanwhile
    }
  }
  return bytes
}
