import { Injectable } from '@nestjs/common'
import { uuidOf, type PartnerId } from '@catamaran/contracts'
import { Database, type Queryable } from '@catamaran/data'
import type { PartnerCase } from './approvals.schema.js'
import { PARTNER_COLUMNS, partnerOf, type PartnerRow } from './partners.repository.js'
import type { PartnerStatus } from './partners.schema.js'

interface CaseRow extends PartnerRow {
  readonly owners: string[]
}

const SELECT = `select ${PARTNER_COLUMNS}, array(
    select email from partner_member join user_account on user_account.id = user_id where partner_id = partner.id and role = 'owner' order by user_id
  ) as owners from partner`

const LIST = { name: 'approval.list', text: `${SELECT} where $1::uuid is null or id > $1 order by id limit $2` }
const LIST_BY_STATUS = {
  name: 'approval.list-by-status',
  text: `${SELECT} where status = $3 and ($1::uuid is null or id > $1) order by id limit $2`,
}
const FIND = { name: 'approval.find', text: `${SELECT} where id = $1` }
const DECIDE = {
  name: 'approval.decide',
  text: 'update partner set status = $2, reason = $3, decided_at = now(), version = version + 1 where id = $1 returning version',
}
const SET_PLAN = { name: 'approval.set-plan', text: 'update partner set plan = $2, version = version + 1 where id = $1' }

const caseOf = (row: CaseRow): PartnerCase => ({ ...partnerOf(row), owners: row.owners })

@Injectable()
export class ApprovalsRepository {
  constructor(private readonly database: Database) {}

  /** After a partner, the oldest first. */
  async list(status: PartnerStatus | undefined, after: string | undefined, limit: number): Promise<PartnerCase[]> {
    const rows =
      status === undefined
        ? await this.database.query<CaseRow>(LIST, [after, limit])
        : await this.database.query<CaseRow>(LIST_BY_STATUS, [after, limit, status])
    return rows.map(caseOf)
  }

  async find(id: PartnerId): Promise<PartnerCase | undefined> {
    const [row] = await this.database.query<CaseRow>(FIND, [uuidOf(id)])
    return row && caseOf(row)
  }

  /** Returns the version that the partner has then. */
  async decide(tx: Queryable, id: PartnerId, status: PartnerStatus, reason: string | undefined): Promise<number> {
    const [row] = await tx.query<{ version: number }>(DECIDE, [uuidOf(id), status, reason])
    return (row as { version: number }).version
  }

  async setPlan(tx: Queryable, id: PartnerId, plan: string): Promise<void> {
    await tx.query(SET_PLAN, [uuidOf(id), plan])
  }
}
