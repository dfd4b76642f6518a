import { Injectable } from '@nestjs/common'
import { uuidOf, type PartnerId } from '@catamaran/contracts'
import { Database, type Queryable, type Statement } from '@catamaran/data'
import type { LineResult, ProductImport } from './imports.schema.js'

const COLUMNS = 'id, lines_done, created, changed, unchanged, refused, started_at, updated_at'
const FIND: Statement = { name: 'import.find', text: `select ${COLUMNS} from product_import where partner_id = $1 and id = $2` }
const ADVANCE: Statement = {
  name: 'import.advance',
  text: `insert into product_import as i (partner_id, id, lines_done, created, changed, unchanged, refused) values ($1, $2, $3, $4, $5, $6, $7)
    on conflict (partner_id, id) do update set lines_done = excluded.lines_done, created = i.created + excluded.created,
      changed = i.changed + excluded.changed, unchanged = i.unchanged + excluded.unchanged, refused = i.refused + excluded.refused, updated_at = now()`,
}

interface ImportRow {
  id: string
  lines_done: number
  created: number
  changed: number
  unchanged: number
  refused: number
  started_at: Date
  updated_at: Date
}

/** How far imports have come. */
@Injectable()
export class ImportsRepository {
  constructor(private readonly database: Database) {}

  async find(partnerId: PartnerId, id: string, tx: Queryable = this.database): Promise<ProductImport | undefined> {
    const [row] = await tx.query<ImportRow>(FIND, [uuidOf(partnerId), id])
    if (row === undefined) return undefined
    const { lines_done: linesDone, started_at: startedAt, updated_at: updatedAt, ...counts } = row
    return { ...counts, linesDone, startedAt: startedAt.toISOString(), updatedAt: updatedAt.toISOString() }
  }

  /** Notes lines as done, in the transaction of their effect. The partner is held. */
  async advance(tx: Queryable, partnerId: PartnerId, id: string, linesDone: number, results: readonly LineResult[]): Promise<void> {
    const count = (wanted: LineResult['status']): number => results.filter(({ status }) => status === wanted).length
    await tx.query(ADVANCE, [
      ...[uuidOf(partnerId), id, linesDone, count('created'), count('changed'), count('unchanged'), count('refused')],
    ])
  }
}
