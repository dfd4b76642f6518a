import { Injectable, type OnApplicationShutdown } from '@nestjs/common'
import { AppError, observe, traced } from '@catamaran/platform'
import { SpanKind } from '@opentelemetry/api'
import pg from 'pg'
import { parseIntoClientConfig } from 'pg-connection-string'
import { adviceFor, unavailable, type Secret } from './identity.js'

// bigint columns are money, versions and counts: all below 2^53, so numbers are exact.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)

/** A statement with a name: PostgreSQL parses and plans it once per connection. */
export interface Statement {
  readonly name: string
  readonly text: string
}

/** What runs statements: the pool, or a transaction. */
export interface Queryable {
  query<Row extends object>(statement: Statement, values?: readonly unknown[]): Promise<Row[]>
}

/** Where a database is, and how each knows the other. */
export interface DatabaseAddress {
  /** With `sslmode=verify-full`, or a CA, the server must prove by its certificate that it is the host of the URL. */
  url: string
  /** The certificates (PEM) that the server's must come from. Default: those that Node trusts, where TLS is asked for. */
  ca?: string | undefined
  /** Asked for each new connection, in place of the password in the URL. */
  password?: Secret | undefined
}

export interface DatabaseOptions extends DatabaseAddress {
  /** Connections at most. Default 10. */
  connections?: number
  /** How long a statement may take, in milliseconds. Default 5,000. */
  statementTimeoutMs?: number
  applicationName?: string
  /** What metrics call its pool: a process has one of each. Default `main`. */
  pool?: 'main' | 'search'
}

/** What pg connects with. */
export const connectionOf = ({ url, ca, password }: DatabaseAddress): pg.ClientConfig => {
  const address = new URL(url)
  const isSecure = ca !== undefined || address.searchParams.get('sslmode') === 'verify-full'
  address.searchParams.delete('sslmode')
  const ssl = { minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) } as const
  return {
    ...parseIntoClientConfig(address.href),
    ...(isSecure ? { ssl } : {}),
    ...(password === undefined ? {} : { password }),
  }
}

const UNAVAILABLE = /^(08...|57P0[123]|53300|25006)$|^(ECONNREFUSED|ECONNRESET|EPIPE|ENOTFOUND|ETIMEDOUT|EHOSTUNREACH)$/
/** character_not_in_repertoire: of all that a JavaScript string can hold, only U+0000 does not go into a text. */
const NUL_IN_TEXT = '22021'
/**
 * The statement surely changed nothing and may pass when it is asked again: query_canceled (it met its time limit), serialization_failure,
 * deadlock_detected, lock_not_available, insufficient_resources (PostgreSQL, appendix A).
 */
const NOT_NOW = /^(57014|40001|40P01|55P03|53...)$/
const LOST = /Connection terminated|connection timeout|timeout exceeded when trying to connect|not queryable/i

/** Whether an error says that the database can't be reached (or reached for writing) just now, so that nothing is known of the statement. */
export const isConnectionLoss = (error: unknown): boolean => {
  const { code, message } = error as { code?: string; message?: string }
  return (code !== undefined && UNAVAILABLE.test(code)) || LOST.test(message ?? '') || adviceFor(error) !== undefined
}

const isReadOnly = (error: unknown): boolean => (error as { code?: string }).code === '25006'

/** Whether the statement behind a `service.unavailable` met its time limit. It changed nothing, and would most likely wait as long again. */
export const wasTooSlow = (error: unknown): boolean =>
  error instanceof AppError && (error.cause as { code?: string } | undefined)?.code === '57014'

const translate = (error: unknown): never => {
  const { code } = error as { code?: string }
  if (isConnectionLoss(error) || NOT_NOW.test(code ?? '')) throw unavailable(error)
  if (code === NUL_IN_TEXT)
    throw new AppError('request.invalid', { detail: 'A text holds a NUL character (U+0000), which none may.' }, { cause: error })
  throw error
}

/** A statement's span, by the semantic conventions for database clients. Of the statement only its name is told, of its values nothing. */
const asSpan = <T>({ name }: Statement, run: () => Promise<T>): Promise<T> =>
  traced(name, { kind: SpanKind.CLIENT, attributes: { 'db.system.name': 'postgresql', 'db.query.summary': name } }, run)

const observePool = (client: pg.Pool, most: number, pool: 'main' | 'search'): (() => void)[] => [
  observe('db.client.connection.count', (tell) => {
    tell(client.totalCount - client.idleCount, { pool, state: 'used' })
    tell(client.idleCount, { pool, state: 'idle' })
  }),
  observe('db.client.connection.max', (tell) => tell(most, { pool })),
  observe('db.client.connection.pending_requests', (tell) => tell(client.waitingCount, { pool })),
]

/** A service's own PostgreSQL database: a pool with named statements and transactions. Reconnects by itself. */
@Injectable()
export class Database implements Queryable, OnApplicationShutdown {
  readonly pool: pg.Pool
  private readonly endings: (() => void)[]

  constructor({ connections = 10, statementTimeoutMs = 5_000, applicationName = 'catamaran', pool = 'main', ...address }: DatabaseOptions) {
    this.pool = new pg.Pool({
      ...connectionOf(address),
      max: connections,
      connectionTimeoutMillis: 2_000,
      idleTimeoutMillis: 60_000,
      statement_timeout: statementTimeoutMs,
      application_name: applicationName,
      keepAlive: true,
    })
    this.pool.on('error', () => undefined) // an idle connection was lost: the pool has dropped it, the next query opens another
    this.endings = observePool(this.pool, connections, pool)
  }

  /**
   * Runs one statement. @throws AppError service.unavailable when the database is away, too slow or in its own way (a deadlock), request.invalid for a NUL in a text;
   * pg's DatabaseError else
   */
  async query<Row extends object>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    const result = await asSpan(statement, () => this.pool.query<Row>({ ...statement, values: values as unknown[] })).catch(translate)
    return result.rows
  }

  /**
   * Runs `work` in one transaction: committed when it resolves, rolled back when it throws.
   * After a lost connection during commit nothing is known: look the object up before trying again.
   */
  async transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    const client = await this.pool.connect().catch(translate)
    let broken: Error | undefined
    try {
      await client.query('begin')
      const result = await work({
        query: async <Row extends object>(statement: Statement, values: readonly unknown[] = []) =>
          (await asSpan(statement, () => client.query<Row>({ ...statement, values: values as unknown[] }))).rows,
      })
      await client.query('commit')
      return result
    } catch (error) {
      // After a failover the server we are connected to may be one that only reads: it will not become another by itself.
      if (isReadOnly(error)) broken = error as Error
      await client.query('rollback').catch((rollbackError: Error) => {
        broken = rollbackError
      })
      return translate(error)
    } finally {
      client.release(broken)
    }
  }

  /** A connection of one's own outside the pool, for leases and locks that live long. The caller connects and ends it. */
  directClient(): pg.Client {
    const { password, ssl } = this.pool.options // pg hides both from a copy
    return new pg.Client({ ...this.pool.options, ...(password === undefined ? {} : { password }), ...(ssl === undefined ? {} : { ssl }) })
  }

  async onApplicationShutdown(): Promise<void> {
    for (const end of this.endings) end()
    await this.pool.end()
  }
}
