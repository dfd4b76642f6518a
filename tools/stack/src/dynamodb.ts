import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LEAN_JVM, type EngineContext } from './engine-context.js'
import type { Java } from './java.js'
import { dynamodbAnswers } from './probes.js'
import type { ProcessSpec } from './processes.js'
import type { Say } from './progress.js'

/** DynamoDB Local; its tables stay between starts, except in fast mode. */
export async function dynamodb(context: EngineContext, say: Say): Promise<ProcessSpec> {
  const { dataDir, ports, fast } = context
  const jars = await context.cache.jars('dynamodb', say)
  const java = await context.java(say)
  const classPath = jars.filter((jar) => jar.endsWith('.jar')).join(':')
  const main = await onLoopback(context, java, classPath)
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
      [...main.classes, classPath].join(':'),
      main.name,
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

const LOOPBACK = 'LoopbackDynamoDb'

/**
 * DynamoDB Local has no option for its address and listens on every interface. A class of ours that binds it to loopback is compiled once, by
 * Java's own compiler; a Java without one leaves it open to the network, and the user is told.
 */
async function onLoopback({ cache, processes, report }: EngineContext, java: Java, classPath: string) {
  const source = fileURLToPath(new URL(`../../engines/${LOOPBACK}.java`, import.meta.url))
  const version = createHash('sha256').update(readFileSync(source)).update(classPath).digest('hex').slice(0, 12)
  try {
    const classes = await cache.folder(`dynamodb-loopback-${version}`, (into) => {
      const args = ['-m', 'jdk.compiler/com.sun.tools.javac.Main', '--release', '17', '-proc:none', '-d', into, '-cp', classPath, source]
      return processes.runToEnd({ name: 'javac', command: java.path, args })
    })
    return { classes: [classes], name: LOOPBACK }
  } catch {
    report(
      'DynamoDB Local is open to the network: binding it to loopback needs a Java with its compiler, such as a JDK. See logs/javac.log.',
    )
    return { classes: [], name: 'software.amazon.dynamodb.services.local.main.ServerRunner' }
  }
}
