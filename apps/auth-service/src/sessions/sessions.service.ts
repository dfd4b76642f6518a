import { Inject, Injectable } from '@nestjs/common'
import { isId, type UserId } from '@catamaran/contracts'
import type { Queryable } from '@catamaran/data'
import { AppError, causesOf, LOGGER, type Logger } from '@catamaran/platform'
import type { Adapter, AdapterPayload } from 'oidc-provider'
import { CLOCK, type Clock } from '../config.js'
import { deviceNameOf } from '../devices/device-name.js'
import { RevocationsService } from '../revocations/revocations.service.js'
import { SEEN_EVERY_MS, SessionsRepository, type SessionRow, type SignInsFrom } from './sessions.repository.js'
import type { Session } from './sessions.schema.js'

const MOST_LISTED = 100
const REMEMBERED = 10_000

const iso = (ms: number): string => new Date(ms).toISOString()

/** Whether a session is over because its person ended all others, or is gone. Sign-ins are timed in whole seconds. */
const isOver = (signIns: SignInsFrom | undefined, sid: string, signedInAt: number): boolean =>
  signIns === undefined || (sid !== signIns.keptSession && signedInAt < Math.floor(signIns.from / 1000) * 1000)

/**
 * The sessions of people. They live in DynamoDB, what ends them all at once in PostgreSQL. Ending one takes its life first, then its access tokens,
 * then its place on the list: who was told that it ended can rely on it, and who was told nothing finds it there to end it again.
 */
@Injectable()
export class SessionsService {
  private readonly seen = new Map<string, number>()

  constructor(
    private readonly repository: SessionsRepository,
    private readonly revocations: RevocationsService,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly now: Clock,
  ) {}

  /** The storage of sessions, as oidc-provider wants it. Tokens ask it too, each time they are used: they live as long as their session. */
  adapter(userAgent: () => string | undefined): Adapter {
    const refuse = (): Promise<never> => Promise.reject(new Error('sessions are not used up, nor granted'))
    return {
      find: async (id) => this.ifLive(await this.repository.findByCookie(id)),
      findByUid: async (uid) => {
        const session = await this.ifLive(await this.repository.findByUid(uid))
        if (session?.accountId !== undefined) await this.see(session.accountId, uid)
        return session
      },
      upsert: (id, payload, lifeS = 0) => this.repository.save(id, payload, lifeS, deviceNameOf(userAgent())),
      destroy: (id) => this.repository.deleteCookie(id),
      ...{ consume: refuse, revokeByGrantId: refuse, findByUserCode: refuse },
    }
  }

  /** A person's sessions, seen last first. */
  async list(userId: UserId, currentSid: string | undefined): Promise<Session[]> {
    const rows = (await this.listLive(userId)).toSorted((a, b) => b.lastSeenAt - a.lastSeenAt).slice(0, MOST_LISTED)
    return rows.map(({ sid, device, startedAt, lastSeenAt }) => {
      return { id: sid, device, startedAt: iso(startedAt), lastSeenAt: iso(lastSeenAt), isCurrent: sid === currentSid }
    })
  }

  /** Ends one session of a person: nothing refreshes from now on, access tokens end within a second. @throws AppError identity.session-not-found */
  async end(userId: UserId, sid: string): Promise<void> {
    const rows = await this.repository.list(userId)
    if (!rows.some((row) => row.sid === sid)) throw new AppError('identity.session-not-found')
    await this.endOne(userId, sid)
  }

  /** Ends what a person signed out of. */
  async signedOut(accountId: string | undefined, sid: string): Promise<void> {
    if (accountId !== undefined && isId('user', accountId)) await this.endOne(accountId, sid)
  }

  /** Ends the access tokens that a person's clients hold by now, within a second; sessions go on, and clients refresh. */
  async tokensStolen(accountId: string): Promise<void> {
    await this.revocations.revokeNow([{ kind: 'user', subject: accountId }])
  }

  /**
   * Makes a change after which a person is signed out everywhere but in `keptSid`: both are committed together, and with them the end of the access
   * tokens. An error of `change` ends nothing. What is left to do afterwards is tidying up.
   */
  async endAll<T>(userId: UserId, keptSid: string | undefined, change: (tx: Queryable) => Promise<T>): Promise<T> {
    const others = async (): Promise<string[]> =>
      (await this.repository.list(userId)).map(({ sid }) => sid).filter((sid) => sid !== keptSid)
    const ending = await others()
    const result = await this.repository.endSignIns(userId, keptSid, change, (tx) =>
      this.revocations.revoke(
        tx,
        ending.map((subject) => ({ kind: 'session', subject })),
      ),
    )
    this.revocations.announce()
    const tidy = async (): Promise<void> => {
      // Also those that began meanwhile: the commit ended them, but not their access tokens.
      for (const sid of new Set([...ending, ...(await others())])) await this.endOne(userId, sid, !ending.includes(sid))
    }
    await tidy().catch((error: unknown) => this.logger.warn({ causes: causesOf(error) }, 'ended sessions stay in the store for a while'))
    return result
  }

  private async endOne(userId: UserId, sid: string, revoke = true): Promise<void> {
    await this.repository.end(sid)
    if (revoke) await this.revocations.revokeNow([{ kind: 'session', subject: sid }])
    await this.repository.markEnded(userId, sid)
  }

  private async listLive(userId: UserId): Promise<SessionRow[]> {
    const [rows, signIns] = await Promise.all([this.repository.list(userId), this.repository.findSignInsFrom(userId)])
    return rows.filter(({ sid, signedInAt }) => !isOver(signIns, sid, signedInAt))
  }

  private async ifLive(session: AdapterPayload | undefined): Promise<AdapterPayload | undefined> {
    if (session?.accountId === undefined) return session
    if (!isId('user', session.accountId)) return undefined
    const signIns = await this.repository.findSignInsFrom(session.accountId)
    return isOver(signIns, session.uid ?? '', (session.loginTs ?? 0) * 1000) ? undefined : session
  }

  private async see(userId: string, sid: string): Promise<void> {
    const now = this.now()
    if (now - (this.seen.get(sid) ?? 0) < SEEN_EVERY_MS) return
    this.seen.delete(sid)
    this.seen.set(sid, now)
    const [oldest] = this.seen.keys()
    if (this.seen.size > REMEMBERED && oldest !== undefined) this.seen.delete(oldest)
    await this.repository.see(userId, sid)
  }
}
