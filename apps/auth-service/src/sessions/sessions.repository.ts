import { QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { Inject, Injectable } from '@nestjs/common'
import { uuidOf, type UserId } from '@catamaran/contracts'
import { Database, Dynamo, isConditionFailed, type Queryable, type TableDefinition } from '@catamaran/data'
import type { AdapterPayload } from 'oidc-provider'
import { CLOCK, type Clock } from '../config.js'
import { ArtifactsRepository, keyOf } from '../oidc/artifacts.repository.js'

/** The sessions of each person, for listing them consistently. What makes a session live is its artifact and the pointer to it. */
export const SESSIONS: TableDefinition = {
  name: 'auth_session',
  partitionKey: { name: 'userId', type: 'S' },
  sortKey: { name: 'sid', type: 'S' },
  ttl: 'expiresAt',
}

/** A session as it is listed; times in epoch milliseconds. `sid` is the session's uid, which access tokens carry. */
export interface SessionRow {
  readonly sid: string
  readonly device: string
  readonly signedInAt: number
  readonly startedAt: number
  readonly lastSeenAt: number
}

interface Item extends SessionRow {
  readonly expiresAt: number
  readonly endedAt?: number
}

/** From when on sessions count that somebody signed in to; undefined when there is no such person (any more). */
export interface SignInsFrom {
  /** Epoch milliseconds. */
  readonly from: number
  readonly keptSession: string | undefined
}

const SIGN_INS_FROM = {
  name: 'session.sign-ins-from',
  text: `select sign_ins_from as "from", kept_session as "keptSession" from user_account where id = $1 and closed_at is null`,
}
const END_SIGN_INS = {
  name: 'session.end-sign-ins',
  text: 'update user_account set sign_ins_from = $2, kept_session = $3 where id = $1',
}

export const SEEN_EVERY_MS = 60_000

const payloadIn = ({ payload }: { payload: string }): AdapterPayload => JSON.parse(payload) as AdapterPayload
const keyIn = (pointer: { payload: string }): string => (JSON.parse(pointer.payload) as { sid: string }).sid

/**
 * Sessions: the artifact that a cookie names (Session), a pointer to it by its uid (SessionUid), and the row of its person. A pointer that was used
 * up says that the session was ended; a request that was under way then can't write it to life again.
 */
@Injectable()
export class SessionsRepository {
  constructor(
    private readonly artifacts: ArtifactsRepository,
    private readonly database: Database,
    private readonly dynamo: Dynamo,
    @Inject(CLOCK) private readonly now: Clock,
  ) {}

  /** The session of a cookie. */
  async findByCookie(id: string): Promise<AdapterPayload | undefined> {
    const item = await this.artifacts.find('Session', id)
    if (item === undefined) return undefined
    const payload = { ...payloadIn(item), jti: id }
    const pointer = await this.artifacts.find('SessionUid', payload.uid ?? '')
    return pointer === undefined || pointer.consumedAt !== undefined ? undefined : payload
  }

  /** The session of a uid, by two consistent reads: an index would lag behind a sign-in. Its cookie's id stays unknown. */
  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    const pointer = await this.artifacts.find('SessionUid', uid)
    if (pointer === undefined || pointer.consumedAt !== undefined) return undefined
    const item = await this.artifacts.findByKey(keyIn(pointer))
    return item === undefined ? undefined : payloadIn(item)
  }

  /** Writes a session, unless it was ended. */
  async save(id: string, payload: AdapterPayload, lifeS: number, device: string): Promise<void> {
    const { uid = '', accountId, loginTs = 0 } = payload
    if (!(await this.artifacts.put('SessionUid', uid, { sid: keyOf('Session', id) }, lifeS, 'unused'))) return
    await this.artifacts.put('Session', id, payload, lifeS)
    if (accountId === undefined) return
    const values = { ':signedIn': loginTs * 1000, ':device': device, ':now': this.now(), ':expires': Math.ceil(this.now() / 1000) + lifeS }
    await this.update(accountId, uid, 'attribute_not_exists(endedAt)', values, [
      ...['signedInAt = :signedIn', 'device = :device', 'startedAt = if_not_exists(startedAt, :now)', 'lastSeenAt = :now'],
      'expiresAt = :expires',
    ])
  }

  /** Ends the life of a cookie's id alone: the session may go on under another. */
  deleteCookie(id: string): Promise<void> {
    return this.artifacts.delete('Session', id)
  }

  /** Notes that a session is in use, once a minute. */
  async see(userId: string, sid: string): Promise<void> {
    const values = { ':now': this.now(), ':before': this.now() - SEEN_EVERY_MS }
    await this.update(userId, sid, 'lastSeenAt < :before and attribute_not_exists(endedAt)', values, ['lastSeenAt = :now'])
  }

  /** Lets a session die with all that was granted under it: from the first step on it opens nothing. Safe to repeat. */
  async end(sid: string): Promise<void> {
    await this.artifacts.consume('SessionUid', sid)
    const pointer = await this.artifacts.find('SessionUid', sid)
    const item = pointer && (await this.artifacts.findByKey(keyIn(pointer)))
    if (item === undefined) return
    const grants = Object.values(payloadIn(item).authorizations ?? {}).flatMap(({ grantId }) => grantId ?? [])
    await Promise.all(grants.map((grantId) => this.artifacts.delete('Grant', grantId)))
    await this.artifacts.deleteByKey(item.id)
  }

  /** Takes a session off its person's list, as the last step of ending it. */
  async markEnded(userId: UserId, sid: string): Promise<void> {
    await this.update(userId, sid, 'attribute_exists(sid)', { ':now': this.now() }, ['endedAt = if_not_exists(endedAt, :now)'])
  }

  /** The sessions of a person that were not ended one by one, in no order. */
  async list(userId: UserId): Promise<SessionRow[]> {
    const found: Item[] = []
    let start: Record<string, unknown> | undefined
    do {
      const { Items, LastEvaluatedKey } = await this.dynamo.send(
        new QueryCommand({
          TableName: this.table,
          KeyConditionExpression: 'userId = :user',
          ExpressionAttributeValues: { ':user': userId },
          ConsistentRead: true,
          ...(start === undefined ? {} : { ExclusiveStartKey: start }),
        }),
      )
      found.push(...((Items ?? []) as Item[]))
      start = LastEvaluatedKey
    } while (start !== undefined)
    return found.filter(({ endedAt, expiresAt }) => endedAt === undefined && expiresAt > this.now() / 1000)
  }

  async findSignInsFrom(userId: UserId): Promise<SignInsFrom | undefined> {
    const [row] = await this.database.query<{ from: Date | null; keptSession: string | null }>(SIGN_INS_FROM, [uuidOf(userId)])
    return row && { from: row.from?.getTime() ?? 0, keptSession: row.keptSession ?? undefined }
  }

  /** One transaction of `change`, the end of all sessions of a person but one, and `revoke`, last. */
  endSignIns<T>(
    userId: UserId,
    kept: string | undefined,
    change: (tx: Queryable) => Promise<T>,
    revoke: (tx: Queryable) => Promise<void>,
  ): Promise<T> {
    return this.database.transaction(async (tx) => {
      const result = await change(tx)
      await tx.query(END_SIGN_INS, [uuidOf(userId), new Date(this.now()), kept])
      await revoke(tx)
      return result
    })
  }

  private async update(
    userId: string,
    sid: string,
    condition: string,
    values: Record<string, unknown>,
    set: readonly string[],
  ): Promise<void> {
    await this.dynamo
      .send(
        new UpdateCommand({
          TableName: this.table,
          Key: { userId, sid },
          UpdateExpression: `set ${set.join(', ')}`,
          ConditionExpression: condition,
          ExpressionAttributeValues: values,
        }),
      )
      .catch((error: unknown) => {
        if (!isConditionFailed(error)) throw error
      })
  }

  private get table(): string {
    return this.dynamo.table(SESSIONS)
  }
}
