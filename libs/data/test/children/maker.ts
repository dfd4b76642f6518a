// A process that sends one request many times at once and prints what the answers were. Arguments: database URL, how many, and 'dies' to kill itself
// when the effect is written but not committed.
import { createLogger } from '@catamaran/platform'
import { Database } from '../../src/database.js'
import { Idempotency } from '../../src/idempotency.js'
import { makeThing, requestOf } from '../things.js'

const [url = '', times = '1', mode = ''] = process.argv.slice(2)
const database = new Database({ url, connections: 4 })
const idempotency = new Idempotency(database, createLogger('maker', 'silent'))
const answers = await Promise.all(
  Array.from({ length: Number(times) }, () =>
    idempotency.once(requestOf('shared'), async (tx) => {
      const thing = await makeThing(tx, 'shared')
      if (mode === 'dies') process.kill(process.pid, 'SIGKILL')
      return thing
    }),
  ),
)
process.stdout.write(JSON.stringify(answers))
await database.onApplicationShutdown()
