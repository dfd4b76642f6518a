import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { Kafka, logLevel } from 'kafkajs'
import pg from 'pg'
import { testEngines, type Engines } from './engines.js'

/** What one test file has to itself on the engines that all share. */
export interface TestScope {
  readonly engines: Engines
  /** Its own name on every engine: `<name>_<random>`. */
  readonly id: string
  readonly tablePrefix: string
  readonly keyPrefix: string
  /** Its own topics and groups; create topics with `createTopics(scope.kafka)` of `@catamaran/messaging`. */
  readonly kafka: { brokers: string[]; topicPrefix: string }
  /**
   * Creates a database and brings it to the newest schema with the given migrations, in order.
   * Example: `const url = await scope.database('core', migrateMessaging, migrateCore)`.
   */
  database(name: string, ...migrations: ((url: string) => Promise<unknown>)[]): Promise<string>
  /** Runs `work` when the scope closes, the latest first. */
  onClose(work: () => void | Promise<void>): void
  /** Drops databases, keys and topics. DynamoDB tables go with the run. */
  close(): Promise<void>
}

const run = async (url: string, statement: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

const dropKeys = async (url: string, prefix: string): Promise<void> => {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 1 })
  try {
    await redis.connect()
    for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 1000 }) as AsyncIterable<string[]>) {
      if (keys.length > 0) await redis.unlink(...keys)
    }
  } finally {
    redis.disconnect()
  }
}

const dropTopics = async (brokers: readonly string[], prefix: string): Promise<void> => {
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix))
    if (topics.length > 0) await admin.deleteTopics({ topics })
  } finally {
    await admin.disconnect()
  }
}

/**
 * Makes a scope for one test file. Nothing is created before it is asked for.
 * Example: `const scope = testScope('relay')`, and `after(() => scope.close())`.
 * @param name of the file, in letters
 */
export const testScope = (name: string): TestScope => {
  const engines = testEngines()
  // The AWS client finds its credentials there and nowhere else; DynamoDB Local takes any.
  process.env['AWS_ACCESS_KEY_ID'] ??= 'local'
  process.env['AWS_SECRET_ACCESS_KEY'] ??= 'local'
  const id = `${name.toLowerCase().replace(/[^a-z0-9]+/g, '_')}_${randomBytes(4).toString('hex')}`
  const closing: (() => void | Promise<void>)[] = []
  const keyPrefix = `${id}:`
  const topicPrefix = `${id}.`
  return {
    engines,
    id,
    tablePrefix: `${id}.`,
    keyPrefix,
    kafka: { brokers: [...engines.kafkaBrokers], topicPrefix },
    database: async (databaseName, ...migrations) => {
      const database = `${id}_${databaseName}`
      await run(engines.databaseUrl, `create database "${database}"`)
      closing.unshift(() => run(engines.databaseUrl, `drop database "${database}" with (force)`))
      const url = new URL(engines.databaseUrl)
      url.pathname = `/${database}`
      for (const migrate of migrations) await migrate(url.href)
      return url.href
    },
    onClose: (work) => void closing.push(work),
    close: async () => {
      for (let work = closing.pop(); work !== undefined; work = closing.pop()) await work()
      await Promise.all([dropKeys(engines.redisUrl, keyPrefix), dropTopics(engines.kafkaBrokers, topicPrefix)])
    },
  }
}
