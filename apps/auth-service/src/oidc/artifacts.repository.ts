import { createHash } from 'node:crypto'
import { DeleteCommand, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { Inject, Injectable } from '@nestjs/common'
import { Dynamo, isConditionFailed, type TableDefinition } from '@catamaran/data'
import { CLOCK, type Clock } from '../config.js'
import { errors, type Adapter, type AdapterPayload } from 'oidc-provider'

/**
 * What sign-ins leave behind: sessions, grants, authorization codes, refresh tokens, interactions. `id` is the kind and the SHA-256 of the id that
 * the outside holds, so that a copy of the table opens no session. A family of refresh tokens lives and dies with its grant.
 */
export const ARTIFACTS: TableDefinition = { name: 'auth_artifact', partitionKey: { name: 'id', type: 'S' }, ttl: 'expiresAt' }

interface Item {
  id: string
  /** Epoch seconds; checked on every read, since DynamoDB deletes late. */
  expiresAt: number
  /** JSON of what oidc-provider keeps, without secrets. */
  payload: string
  /** Epoch milliseconds of the first use, for what is good once. */
  consumedAt?: number
}

/** How long a spent refresh token still gets the successor it got, for a client that lost the answer. */
const GRACE_MS = 10_000

/** The item of an artifact. */
export const keyOf = (kind: string, id: string): string => `${kind}#${createHash('sha256').update(id).digest('base64url')}`

/** Without the ids that are secrets: the artifact's own, and the session cookie that an interaction remembers but nobody reads. */
const withoutSecrets = ({ jti: _jti, session, ...payload }: AdapterPayload): AdapterPayload =>
  session === undefined ? payload : { ...payload, session: { ...session, cookie: undefined } }

const CONDITIONS = {
  any: {},
  new: { ConditionExpression: 'attribute_not_exists(#id)', ExpressionAttributeNames: { '#id': 'id' } },
  unused: { ConditionExpression: 'attribute_not_exists(consumedAt)' },
} as const

const falseIfRefused = (error: unknown): false => {
  if (isConditionFailed(error)) return false
  throw error
}

/** What the tokens of one grant have to do with each other. */
export interface Families {
  /** The refresh token that follows one. */
  readonly successorOf: (id: string) => string
  /** A code or refresh token of somebody was used twice: what was made of it must not work any more. */
  readonly onReuse: (accountId: string) => Promise<void>
}

@Injectable()
export class ArtifactsRepository {
  constructor(
    private readonly dynamo: Dynamo,
    @Inject(CLOCK) private readonly now: Clock,
  ) {}

  find(kind: string, id: string): Promise<Item | undefined> {
    return this.findByKey(keyOf(kind, id))
  }

  async findByKey(key: string): Promise<Item | undefined> {
    const { Item: item } = await this.dynamo.send(new GetCommand({ TableName: this.table, Key: { id: key }, ConsistentRead: true }))
    return item !== undefined && (item as Item).expiresAt > this.now() / 1000 ? (item as Item) : undefined
  }

  /** Writes an artifact, unless there is one (`new`) or one that was used up (`unused`). Whether it was written. */
  async put(kind: string, id: string, payload: AdapterPayload, lifeS: number, only: 'any' | 'new' | 'unused' = 'any'): Promise<boolean> {
    const item: Item = {
      id: keyOf(kind, id),
      expiresAt: Math.ceil(this.now() / 1000) + lifeS,
      payload: JSON.stringify(withoutSecrets(payload)),
    }
    return this.dynamo.send(new PutCommand({ TableName: this.table, Item: item, ...CONDITIONS[only] })).then(() => true, falseIfRefused)
  }

  /** Marks an artifact as used. False when it was used before `allowedSince` (or at all, without), or is gone. */
  async consume(kind: string, id: string, allowedSince = Infinity): Promise<boolean> {
    const again = allowedSince === Infinity ? '' : ' or consumedAt >= :since'
    return this.dynamo
      .send(
        new UpdateCommand({
          TableName: this.table,
          Key: { id: keyOf(kind, id) },
          UpdateExpression: 'set consumedAt = if_not_exists(consumedAt, :now)',
          ConditionExpression: `attribute_exists(#id) and (attribute_not_exists(consumedAt)${again})`,
          ExpressionAttributeNames: { '#id': 'id' },
          ExpressionAttributeValues: { ':now': this.now(), ...(allowedSince === Infinity ? {} : { ':since': allowedSince }) },
        }),
      )
      .then(() => true, falseIfRefused)
  }

  delete(kind: string, id: string): Promise<void> {
    return this.deleteByKey(keyOf(kind, id))
  }

  async deleteByKey(key: string): Promise<void> {
    await this.dynamo.send(new DeleteCommand({ TableName: this.table, Key: { id: key } }))
  }

  /** The storage of one kind of artifact, as oidc-provider wants it. */
  adapter(kind: string, { successorOf, onReuse }: Families): Adapter {
    const isRefresh = kind === 'RefreshToken'
    const graceStart = (): number => this.now() - GRACE_MS

    /** Whether a spent refresh token may be used as if it weren't: within the grace, and only until its successor is used. */
    const isForgiven = async (id: string, consumedAt: number): Promise<boolean> =>
      isRefresh && consumedAt >= graceStart() && (await this.find(kind, successorOf(id)))?.consumedAt === undefined

    const payloadOf = async (id: string, { payload, consumedAt }: Item): Promise<AdapterPayload> => {
      const stored = { ...(JSON.parse(payload) as AdapterPayload), jti: id }
      return consumedAt === undefined || (await isForgiven(id, consumedAt))
        ? stored
        : { ...stored, consumed: Math.floor(consumedAt / 1000) }
    }

    /** A code or refresh token came twice: of two uses one is a theft, and nobody knows which. The first to notice ends the family. */
    const endFamily = async ({ grantId, accountId }: AdapterPayload): Promise<void> => {
      if (grantId === undefined || (await this.find('Grant', grantId)) === undefined) return
      if (accountId !== undefined) await onReuse(accountId)
      await this.delete('Grant', grantId)
    }

    return {
      find: async (id) => {
        const item = await this.find(kind, id)
        const payload = item && (await payloadOf(id, item))
        if (payload?.['consumed'] !== undefined) await endFamily(payload)
        return payload
      },
      upsert: async (id, payload, lifeS = 0) => {
        // A refresh token is written once: the late twin of a request must not make a spent successor new again.
        await this.put(kind, id, payload, lifeS, isRefresh ? 'new' : 'any')
      },
      consume: async (id) => {
        if (await this.consume(kind, id, isRefresh ? graceStart() : Infinity)) return
        const item = await this.find(kind, id)
        if (item !== undefined) await endFamily(JSON.parse(item.payload) as AdapterPayload)
        throw new errors.InvalidGrant('already used')
      },
      destroy: (id) => this.delete(kind, id),
      findByUid: () => Promise.reject(new Error('sessions have a storage of their own')),
      // Nothing of a family is good without its grant, which is read consistently; the rest goes by its TTL.
      revokeByGrantId: (grantId) => this.delete('Grant', grantId),
      findByUserCode: () => Promise.reject(new Error('the device flow is not offered')),
    }
  }

  private get table(): string {
    return this.dynamo.table(ARTIFACTS)
  }
}
