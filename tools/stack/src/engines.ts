import { dynamodb } from './dynamodb.js'
import type { EngineContext, EngineName } from './engine-context.js'
import { Refusal } from './errors.js'
import { kafka } from './kafka.js'
import type { PortName } from './ports.js'
import { postgres, POSTGRES_ADMIN } from './postgres.js'
import { accepts, dynamodbAnswers, kafkaAnswers, postgresAnswers, redisAnswers } from './probes.js'
import type { Processes, ProcessSpec } from './processes.js'
import type { Progress, Say } from './progress.js'
import { redis } from './redis.js'

interface Engine {
  readonly title: string
  readonly ports: readonly PortName[]
  /** The variable that names an engine of one's own, used instead. */
  readonly variable: string
  readonly prepare: (context: EngineContext, say: Say) => Promise<ProcessSpec>
  readonly url: (context: EngineContext) => string
  readonly answers: (url: string) => Promise<boolean>
}

const at = (url: string, defaultPort: number): [string, number] => {
  const { hostname, port } = new URL(url)
  return [hostname, port ? Number(port) : defaultPort]
}

const ENGINES: Record<EngineName, Engine> = {
  postgres: {
    title: 'PostgreSQL',
    ports: ['postgres'],
    variable: 'DATABASE_URL',
    prepare: postgres,
    url: ({ ports, secrets }) => `postgres://${POSTGRES_ADMIN}:${secrets.postgresPassword}@127.0.0.1:${ports.postgres}/postgres`,
    answers: (url) => postgresAnswers(...at(url, 5432)),
  },
  redis: {
    title: 'Redis',
    ports: ['redis'],
    variable: 'REDIS_URL',
    prepare: redis,
    url: ({ ports }) => `redis://127.0.0.1:${ports.redis}`,
    answers: (url) => (url.startsWith('rediss:') ? accepts : redisAnswers)(...at(url, 6379)),
  },
  dynamodb: {
    title: 'DynamoDB Local',
    ports: ['dynamodb'],
    variable: 'DYNAMODB_ENDPOINT',
    prepare: dynamodb,
    url: ({ ports }) => `http://127.0.0.1:${ports.dynamodb}`,
    answers: dynamodbAnswers,
  },
  kafka: {
    title: 'Kafka',
    ports: ['kafka', 'kafka-controller'],
    variable: 'KAFKA_BROKERS',
    prepare: kafka,
    url: ({ ports }) => `127.0.0.1:${ports.kafka}`,
    answers: (brokers) => kafkaAnswers(...at(`kafka://${brokers.split(',')[0]?.trim()}`, 9092)),
  },
}

export type EngineUrls = Record<EngineName, string>
export const ENGINE_NAMES = Object.keys(ENGINES) as EngineName[]

/** The variables this launcher reads for itself, which no child may take for its own. */
export const ENGINE_VARIABLES = ENGINE_NAMES.map((name) => ENGINES[name].variable)

/** The ports of the engines that will be started here. */
export const enginePorts = (env: NodeJS.ProcessEnv): PortName[] =>
  ENGINE_NAMES.flatMap((name) => (env[ENGINES[name].variable] ? [] : ENGINES[name].ports))

/** Where each engine is or will be. */
export const engineUrls = (context: EngineContext, env: NodeJS.ProcessEnv): EngineUrls =>
  Object.fromEntries(ENGINE_NAMES.map((name) => [name, env[ENGINES[name].variable] || ENGINES[name].url(context)])) as EngineUrls

/**
 * Starts one engine, or sees that one's own answers.
 * @throws Refusal
 */
export function startEngine(name: EngineName, context: EngineContext, own: NodeJS.ProcessEnv, processes: Processes, progress: Progress) {
  const { title, variable, prepare, answers } = ENGINES[name]
  const url = own[variable]
  return progress.step(title, async (say) => {
    if (!url) return processes.start(await prepare(context, say))
    if (await isUp(() => answers(url))) return
    throw new Refusal(
      `${variable} is set, but nothing that is ${title} answers there. Start it, or unset ${variable} to use the local one.`,
    )
  })
}

const OWN_ENGINE_WITHIN_MS = 10_000

async function isUp(answers: () => Promise<boolean>): Promise<boolean> {
  for (const deadline = Date.now() + OWN_ENGINE_WITHIN_MS; Date.now() < deadline;) {
    if (await answers().catch(() => false)) return true
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return false
}
