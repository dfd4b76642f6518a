import { Injectable } from '@nestjs/common'
import { uuidOf, type PartnerId } from '@catamaran/contracts'
import { Database, type Queryable } from '@catamaran/data'
import type { PartnerClient } from './clients.schema.js'

interface ClientRow extends Omit<PartnerClient, 'createdAt' | 'lastUsedAt'> {
  readonly createdAt: Date
  readonly lastUsedAt: Date | null
}

export interface InsertClient {
  readonly id: string
  readonly partnerId: PartnerId
  readonly name: string
  readonly authMethod: PartnerClient['authMethod']
  readonly secretHash: string | undefined
  readonly jwks: object | undefined
  readonly scopes: readonly string[]
}

const COLUMNS = `id, name, auth_method as "authMethod", scopes, created_at as "createdAt", last_used_at as "lastUsedAt"`
const OWN = 'partner_id = $1 and revoked_at is null'

const INSERT = {
  name: 'partner-client.insert',
  text: `insert into oidc_client (id, partner_id, name, application_type, auth_method, secret_hash, jwks, grant_types, scopes)
    values ($1, $2, $3, 'web', $4, $5, $6, '{client_credentials}', $7) returning ${COLUMNS}`,
}
const LIST = {
  name: 'partner-client.list',
  text: `select ${COLUMNS} from oidc_client where ${OWN} and ($2::text is null or id > $2) order by id limit $3`,
}
const FIND = { name: 'partner-client.find', text: `select ${COLUMNS} from oidc_client where ${OWN} and id = $2` }
const COUNT = { name: 'partner-client.count', text: `select count(*) from oidc_client where ${OWN}` }
const REVOKE = { name: 'partner-client.revoke', text: `update oidc_client set revoked_at = now() where ${OWN} and id = $2 returning id` }

const clientOf = (row: ClientRow): PartnerClient => ({
  ...row,
  createdAt: row.createdAt.toISOString(),
  lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
})

/** The OAuth clients of partners, as their partners see them. */
@Injectable()
export class PartnerClientsRepository {
  constructor(private readonly database: Database) {}

  async insert(tx: Queryable, client: InsertClient): Promise<PartnerClient> {
    const { id, partnerId, name, authMethod, secretHash, jwks, scopes } = client
    const values = [id, uuidOf(partnerId), name, authMethod, secretHash, jwks && JSON.stringify(jwks), scopes]
    const [row] = await tx.query<ClientRow>(INSERT, values)
    return clientOf(row as ClientRow)
  }

  async list(partnerId: PartnerId, after: string | undefined, limit: number): Promise<PartnerClient[]> {
    return (await this.database.query<ClientRow>(LIST, [uuidOf(partnerId), after, limit])).map(clientOf)
  }

  async find(partnerId: PartnerId, id: string): Promise<PartnerClient | undefined> {
    const [row] = await this.database.query<ClientRow>(FIND, [uuidOf(partnerId), id])
    return row && clientOf(row)
  }

  async count(tx: Queryable, partnerId: PartnerId): Promise<number> {
    return (await tx.query<{ count: number }>(COUNT, [uuidOf(partnerId)]))[0]?.count ?? 0
  }

  /** Whether there was one. */
  async revoke(tx: Queryable, partnerId: PartnerId, id: string): Promise<boolean> {
    return (await tx.query(REVOKE, [uuidOf(partnerId), id])).length > 0
  }
}
