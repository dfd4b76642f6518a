import type { Room } from './queue.repository.js'

export interface SlotLimits {
  /** Attempts at once to an endpoint that nothing is known of, and to one that has answered lately. */
  readonly slots: number
  readonly mostSlots: number
  /** Attempts at once in all. */
  readonly concurrency: number
}

interface Endpoint {
  inHand: number
  /** When it last answered 2xx; undefined after a failure. */
  answeredAt: number | undefined
}

/** Who answered within this time is trusted with many attempts at once: a receiver far away is slow without hanging. */
const TRUST_MS = 10_000

/**
 * Who has how many attempts in hand. An endpoint has few slots until it has shown that it answers, one while it fails, and all that fail have a quarter of the whole
 * together, so that hanging receivers can't fill it.
 */
export class Slots {
  private readonly endpoints = new Map<string, Endpoint>()
  private total = 0
  private suspects = 0

  constructor(
    private readonly limits: SlotLimits,
    private readonly now: () => number = () => performance.now(),
  ) {}

  room(): Room {
    const { slots, mostSlots, concurrency } = this.limits
    const free = Math.max(0, concurrency - this.total)
    const known = new Map<string, { inHand: number; slots: number }>()
    for (const [id, { inHand, answeredAt }] of this.endpoints) {
      const isTrusted = answeredAt !== undefined && this.now() - answeredAt < TRUST_MS
      if (inHand === 0 && !isTrusted) this.endpoints.delete(id)
      else known.set(id, { inHand, slots: isTrusted ? mostSlots : slots })
    }
    const freeForSuspects = Math.max(0, Math.min(free, Math.ceil(concurrency / 4) - this.suspects))
    return { known, slots, mostSlots, free, freeForSuspects }
  }

  /** Takes a slot. @returns how to give it back, with whether the endpoint answered 2xx */
  take(endpointId: string, isSuspect: boolean): (isAnswered: boolean) => void {
    const endpoint = this.endpoints.get(endpointId) ?? { inHand: 0, answeredAt: undefined }
    this.endpoints.set(endpointId, endpoint)
    endpoint.inHand++
    this.total++
    if (isSuspect) this.suspects++
    return (isAnswered) => {
      endpoint.inHand--
      endpoint.answeredAt = isAnswered ? this.now() : undefined
      this.total--
      if (isSuspect) this.suspects--
    }
  }
}
