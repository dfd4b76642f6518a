import type { Database, Statement } from '@catamaran/data'
import type pg from 'pg'
import { within } from './within.js'

/** Longer than a statement may take in the database: only a connection that was lost without a word waits so long. */
const QUERY_TIMEOUT_MS = 10_000
const CLOSE_MS = 1_000

/** The relay's own connection, outside the pool. Statements that are started together run one after the other. */
export class Connection {
  private readonly client: pg.Client
  private tail: Promise<unknown> = Promise.resolve()

  /** @param onLost called when the connection ends by itself; statements fail from then on */
  constructor(database: Database, onLost: () => void) {
    this.client = database.directClient()
    this.client.on('error', onLost)
  }

  async open(): Promise<void> {
    await this.client.connect()
  }

  /** Never fails: a connection that was lost is closed already. */
  async close(): Promise<void> {
    await within(CLOSE_MS, this.client.end())
  }

  /** @throws what pg throws, untranslated */
  query<Row extends object>(statement: Statement, values: readonly unknown[]): Promise<{ rows: Row[]; count: number }> {
    const result = this.tail.then(async () => {
      const { rows, rowCount } = await this.client.query<Row>({
        ...statement,
        values: values as unknown[],
        query_timeout: QUERY_TIMEOUT_MS,
      } as pg.QueryConfig)
      return { rows, count: rowCount ?? 0 }
    })
    this.tail = result.catch(() => undefined)
    return result
  }
}
