import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { LEAN_JVM, type EngineContext } from './engine-context.js'
import { dynamodbAnswers } from './probes.js'
import type { ProcessSpec } from './processes.js'
import type { Say } from './progress.js'

/** DynamoDB Local; its tables stay between starts, except in fast mode. */
export async function dynamodb(context: EngineContext, say: Say): Promise<ProcessSpec> {
  const { dataDir, ports, fast } = context
  const jars = await context.cache.jars('dynamodb', say)
  const java = await context.java(say)
  const dir = join(dataDir, 'dynamodb')
  mkdirSync(dir, { recursive: true })
  return {
    name: 'dynamodb',
    rank: 'engine',
    command: java.path,
    args: [
      ...LEAN_JVM,
      '-Xmx96m',
      `-Djava.library.path=${dirname(jars[0] ?? '')}`,
      '-cp',
      jars.filter((jar) => jar.endsWith('.jar')).join(':'),
      'software.amazon.dynamodb.services.local.main.ServerRunner',
      ...(fast ? ['-inMemory'] : ['-dbPath', dir]),
      '-sharedDb',
      '-disableTelemetry',
      '-port',
      String(ports.dynamodb),
    ],
    cwd: dir,
    stopSignal: 'SIGTERM',
    readyWithinMs: 60_000,
    isReady: () => dynamodbAnswers(`http://127.0.0.1:${ports.dynamodb}`),
  }
}
