import { Injectable } from '@nestjs/common'
import { apiKeyPrefix, idOf, uuidOf, type ApiKeyId, type ApiKeyMode, type PartnerId, type UserId } from '@catamaran/contracts'
import { Database, type Queryable } from '@catamaran/data'
import type { PartnerStatus } from '../partners/partners.schema.js'
import type { ApiKey } from './api-keys.schema.js'

interface ApiKeyRow {
  readonly id: string
  readonly name: string
  readonly mode: ApiKeyMode
  readonly scopes: ApiKey['scopes']
  readonly allowedAddresses: string[]
  readonly createdAt: Date
  readonly createdBy: string | null
  readonly follows: string | null
  readonly expiresAt: Date | null
  readonly revokedAt: Date | null
  readonly lastUsedAt: Date | null
}

export interface InsertApiKey {
  readonly id: ApiKeyId
  readonly partnerId: PartnerId
  readonly name: string
  readonly mode: ApiKeyMode
  readonly secretHash: Buffer
  readonly scopes: readonly string[]
  readonly allowedAddresses: readonly string[]
  readonly createdBy: UserId | undefined
  readonly follows: ApiKeyId | undefined
  readonly createdAt: Date
  readonly expiresAt: Date | undefined
}

/** What decides whether a key is good. */
export interface StoredKey {
  readonly secretHash: Buffer
  readonly mode: ApiKeyMode
  readonly scopes: string[]
  readonly allowedAddresses: string[]
  readonly expiresAt: Date | null
  readonly revokedAt: Date | null
  readonly partnerId: string
  readonly partnerStatus: PartnerStatus
  readonly plan: string
}

const COLUMNS = `id, name, mode, scopes, allowed_addresses::text[] as "allowedAddresses", created_at as "createdAt", created_by as "createdBy", follows,
  expires_at as "expiresAt", revoked_at as "revokedAt", last_used_at as "lastUsedAt"`

const INSERT = {
  name: 'api-key.insert',
  text: `insert into api_key (id, partner_id, name, mode, secret_hash, scopes, allowed_addresses, created_by, follows, created_at, expires_at)
    values ($1, $2, $3, $4, $5, $6, array(select network(address::inet) from unnest($7::text[]) as address), $8, $9, $10, $11) returning ${COLUMNS}`,
}
const LIST = {
  name: 'api-key.list',
  text: `select ${COLUMNS} from api_key where partner_id = $1 and revoked_at is null and ($2::uuid is null or id > $2) order by id limit $3`,
}
const FIND = { name: 'api-key.find', text: `select ${COLUMNS} from api_key where id = $1 and partner_id = $2` }
/** Those that work, and how many of them no other key follows yet. */
const COUNT = {
  name: 'api-key.count',
  text: `select count(*) as usable, count(*) filter (where not exists (select from api_key next where next.follows = api_key.id)) as newest
    from api_key where partner_id = $1 and revoked_at is null and (expires_at is null or expires_at > $2)`,
}
const HAS_SUCCESSOR = { name: 'api-key.has-successor', text: 'select from api_key where partner_id = $1 and follows = $2' }
const SET_EXPIRY = { name: 'api-key.set-expiry', text: 'update api_key set expires_at = least(expires_at, $2) where id = $1' }
const REVOKE = { name: 'api-key.revoke', text: 'update api_key set revoked_at = $2 where id = $1 and revoked_at is null' }
const FIND_STORED = {
  name: 'api-key.find-stored',
  text: `select secret_hash as "secretHash", mode, scopes, allowed_addresses::text[] as "allowedAddresses", expires_at as "expiresAt",
      revoked_at as "revokedAt", partner_id as "partnerId", partner.status as "partnerStatus", plan
    from api_key join partner on partner.id = partner_id where api_key.id = $1`,
}

const apiKeyOf = (row: ApiKeyRow): ApiKey => {
  const id = idOf('apiKey', row.id)
  return {
    ...{
      id,
      name: row.name,
      prefix: apiKeyPrefix(row.mode, id),
      mode: row.mode,
      scopes: row.scopes,
      allowedAddresses: row.allowedAddresses,
    },
    createdAt: row.createdAt.toISOString(),
    createdBy: row.createdBy === null ? null : idOf('user', row.createdBy),
    follows: row.follows === null ? null : idOf('apiKey', row.follows),
    expiresAt: row.expiresAt?.toISOString() ?? null,
    revokedAt: row.revokedAt?.toISOString() ?? null,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
  }
}

/** API keys. They are made and ended under the partner's lock. */
@Injectable()
export class ApiKeysRepository {
  constructor(private readonly database: Database) {}

  async insert(tx: Queryable, key: InsertApiKey): Promise<ApiKey> {
    const [row] = await tx.query<ApiKeyRow>(INSERT, [
      ...[uuidOf(key.id), uuidOf(key.partnerId), key.name, key.mode, key.secretHash, key.scopes, key.allowedAddresses],
      ...[key.createdBy && uuidOf(key.createdBy), key.follows && uuidOf(key.follows), key.createdAt, key.expiresAt],
    ])
    return apiKeyOf(row as ApiKeyRow)
  }

  /** Those that were not revoked, after one, the oldest first. */
  async list(partnerId: PartnerId, after: string | undefined, limit: number): Promise<ApiKey[]> {
    return (await this.database.query<ApiKeyRow>(LIST, [uuidOf(partnerId), after, limit])).map(apiKeyOf)
  }

  /** Also one that was revoked. */
  async find(partnerId: PartnerId, id: ApiKeyId, tx: Queryable = this.database): Promise<ApiKey | undefined> {
    const [row] = await tx.query<ApiKeyRow>(FIND, [uuidOf(id), uuidOf(partnerId)])
    return row && apiKeyOf(row)
  }

  async count(tx: Queryable, partnerId: PartnerId, now: Date): Promise<{ usable: number; newest: number }> {
    return (await tx.query<{ usable: number; newest: number }>(COUNT, [uuidOf(partnerId), now]))[0] ?? { usable: 0, newest: 0 }
  }

  async hasSuccessor(tx: Queryable, partnerId: PartnerId, id: ApiKeyId): Promise<boolean> {
    return (await tx.query(HAS_SUCCESSOR, [uuidOf(partnerId), uuidOf(id)])).length > 0
  }

  /** Lets a key end earlier than it would. */
  async setExpiry(tx: Queryable, id: ApiKeyId, at: Date): Promise<void> {
    await tx.query(SET_EXPIRY, [uuidOf(id), at])
  }

  async revoke(tx: Queryable, id: ApiKeyId, at: Date): Promise<void> {
    await tx.query(REVOKE, [uuidOf(id), at])
  }

  /** What decides whether a key is good: one read of two rows by their primary keys. */
  async findStored(id: ApiKeyId): Promise<StoredKey | undefined> {
    return (await this.database.query<StoredKey>(FIND_STORED, [uuidOf(id)]))[0]
  }
}
