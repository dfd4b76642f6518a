import { Injectable } from '@nestjs/common'
import type { Revocation } from '@catamaran/contracts'
import type { Claims } from '@catamaran/platform'

/** Whose tokens ended, as far as this process knows. */
interface Ended {
  /** Tokens made until then, in epoch milliseconds. */
  readonly until: number
  readonly expiresAt: number
}

/** The credentials that were ended before their tokens expire. It holds them until then. */
@Injectable()
export class Revocations {
  private readonly sessions = new Map<string, Ended>()
  private readonly clients = new Map<string, Ended>()
  private readonly subjects = new Map<string, Ended>()
  private readonly listeners: ((revocations: readonly Revocation[]) => void)[] = []

  /** `listener` hears of revocations once they are in force. */
  onAdded(listener: (revocations: readonly Revocation[]) => void): void {
    this.listeners.push(listener)
  }

  add(revocations: readonly Revocation[]): void {
    for (const { kind, subject, revokedAt, expiresAt } of revocations) {
      const ended = { until: Date.parse(revokedAt), expiresAt: Date.parse(expiresAt) }
      const known = this.mapOf(kind).get(subject)
      if (known === undefined || known.until < ended.until) this.mapOf(kind).set(subject, ended)
    }
    if (revocations.length > 0) for (const listener of this.listeners) listener(revocations)
  }

  /** Whether a token must not work any more although it has not expired. */
  covers({ sid, clientId, sub, issuedAt }: Pick<Claims, 'sid' | 'clientId' | 'sub' | 'issuedAt'>): boolean {
    if (sid !== undefined && this.sessions.has(sid)) return true
    if (this.clients.has(clientId)) return true
    const ended = this.subjects.get(sub)
    // `iat` is whole seconds: a token of the same second may be older than the revocation.
    return ended !== undefined && issuedAt <= ended.until
  }

  /** Drops those whose tokens have all expired by themselves. */
  prune(now: number): void {
    for (const map of [this.sessions, this.clients, this.subjects]) {
      for (const [subject, { expiresAt }] of map) if (expiresAt <= now) map.delete(subject)
    }
  }

  clear(): void {
    for (const map of [this.sessions, this.clients, this.subjects]) map.clear()
  }

  private mapOf(kind: Revocation['kind']): Map<string, Ended> {
    return kind === 'session' ? this.sessions : kind === 'client' ? this.clients : this.subjects
  }
}
