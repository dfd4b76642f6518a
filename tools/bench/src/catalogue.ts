import { idOf, type ProductId } from '@catamaran/contracts'
import pg from 'pg'

/** More than any run can sell. */
const PLENTY = 10_000_000

/** A catalogue as the bench needs it: ids as callers see them and as the database keeps them, in the same order. */
export interface Products {
  readonly ids: readonly ProductId[]
  readonly uuids: readonly string[]
}

export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

export const listProducts = (coreUrl: string): Promise<Products> =>
  withClient(coreUrl, async (client) => {
    const { rows } = await client.query<{ id: string }>(`select id from product where status = 'active' order by id`)
    return { ids: rows.map(({ id }) => idOf('product', id)), uuids: rows.map(({ id }) => id) }
  })

/** Fills the stock up, so that no order is refused. */
export const restock = (coreUrl: string): Promise<void> =>
  withClient(coreUrl, async (client) => {
    await client.query('update stock set available = available + $1, restocked = restocked + $1', [PLENTY])
    await client.query('vacuum analyze stock, product')
  })

/** Copies sellers, products and stock from one database with core-service's tables to another. */
export const copyCatalogue = (fromUrl: string, toUrl: string): Promise<void> =>
  withClient(fromUrl, (from) =>
    withClient(toUrl, async (to) => {
      for (const table of ['seller', 'product', 'stock']) {
        const columns = await from.query<{ name: string }>(
          `select column_name as name from information_schema.columns where table_name = $1 and table_schema = 'public' and is_generated = 'NEVER'`,
          [table],
        )
        const names = columns.rows.map(({ name }) => to.escapeIdentifier(name)).join(', ')
        const rows = await from.query<{ rows: string }>(`select json_agg(t)::text as rows from ${table} t`)
        await to.query(`insert into ${table} (${names}) select ${names} from json_populate_recordset(null::${table}, $1::json)`, [
          rows.rows[0]?.rows,
        ])
      }
      await to.query('vacuum analyze')
    }),
  )
