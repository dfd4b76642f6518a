// A process of its own, because the clients it needs would double the launcher's memory for good: makes roles, databases and topics.
import { createTopics } from '@catamaran/messaging/topics'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'

const WITHIN_MS = 90_000
const RETRY_MS = 50

export interface ProvisionOrder {
  /** A role that may create roles and databases. */
  readonly databaseUrl: string
  /** Passwords by name; each name is a role and the database it owns. */
  readonly databases: Record<string, string>
  /** True for the server that was started here, whose other databases are closed to these roles too. */
  readonly ownsServer: boolean
  readonly kafkaBrokers: readonly string[]
}

/** Tries until it works: the engine may still be starting. */
async function connected(databaseUrl: string): Promise<Client> {
  for (const deadline = Date.now() + WITHIN_MS; ;) {
    const client = new Client({ connectionString: databaseUrl })
    try {
      await client.connect()
      return client
    } catch (error) {
      await client.end().catch(() => undefined)
      const { code } = error as { code?: string }
      const isStarting = code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === '57P03'
      if (!isStarting || Date.now() > deadline) throw error
    }
    await delay(RETRY_MS)
  }
}

/** One role and one database for each name; no role may connect to another's database. */
async function makeDatabases({ databaseUrl, databases, ownsServer }: ProvisionOrder): Promise<void> {
  const client = await connected(databaseUrl)
  const { rows } = await client.query<{ kind: string; name: string }>(
    `select 'role' as kind, rolname as name from pg_roles union all select 'database', datname from pg_database`,
  )
  const has = (kind: string, name: string) => rows.some((row) => row.kind === kind && row.name === name)
  for (const [name, password] of Object.entries(databases)) {
    const id = client.escapeIdentifier(name)
    await client.query(`${has('role', name) ? 'alter' : 'create'} role ${id} login password ${client.escapeLiteral(password)}`)
    if (!has('database', name)) {
      // An admin that is no superuser may give a database only to a role it is a member of.
      await client.query(`grant ${id} to current_user`)
      await client.query(`create database ${id} owner ${id}`)
    }
    await client.query(`revoke connect, temporary on database ${id} from public`)
  }
  if (ownsServer) await client.query('revoke connect on database postgres, template1 from public')
  await client.end()
}

const makeTopics = ({ kafkaBrokers }: ProvisionOrder): Promise<void> =>
  createTopics(
    { brokers: [...kafkaBrokers], topicPrefix: '' },
    { retry: { initialRetryTime: RETRY_MS, maxRetryTime: RETRY_MS, factor: 0, multiplier: 1, retries: WITHIN_MS / RETRY_MS } },
  )

/** The line that tells the launcher a part is done. */
const done = (part: string) => process.stdout.write(`${part}\n`)

const order = JSON.parse(process.env['PROVISION_ORDER'] ?? '') as ProvisionOrder
await Promise.all([makeDatabases(order).then(() => done('databases')), makeTopics(order).then(() => done('topics'))])
