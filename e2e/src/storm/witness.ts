import type { KeyRecord } from '@catamaran/audit'

/** What the clients of a storm have seen: it is held against the books afterwards. */
export class Witness {
  private readonly keys = new Map<string, { orderIds: Set<string>; refusals: Set<string> }>()
  private readonly counts = new Map<string, number>()
  /** Answers that no client may ever get, whatever is killed. */
  readonly breaches: string[] = []

  /** An order was acknowledged under a key, by whichever of its tries. */
  acknowledged(key: string, orderId: string): void {
    this.told(key).orderIds.add(orderId)
  }

  /** A request under a key was refused for good. */
  refused(key: string, code: string): void {
    this.told(key).refusals.add(code)
  }

  count(what: string, times = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + times)
  }

  breach(what: string): void {
    this.breaches.push(what)
  }

  get records(): KeyRecord[] {
    return [...this.keys].map(([key, told]) => ({ key, ...told }))
  }

  of(what: string): number {
    return this.counts.get(what) ?? 0
  }

  /** Counts whose name starts so, without that start. */
  startingWith(start: string): [string, number][] {
    return [...this.counts].filter(([name]) => name.startsWith(start)).map(([name, times]) => [name.slice(start.length), times])
  }

  private told(key: string): { orderIds: Set<string>; refusals: Set<string> } {
    const told = this.keys.get(key) ?? { orderIds: new Set(), refusals: new Set() }
    this.keys.set(key, told)
    return told
  }
}
