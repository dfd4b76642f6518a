// The flag relay as a process of its own: the service `flags` of docker-compose.yml.
import { FLAG_DEFAULTS, FlagRelay } from './flag-relay.js'

const { HOST = '127.0.0.1', PORT, FLAGS_FILE } = process.env
if (!PORT || !FLAGS_FILE) throw new Error('PORT and FLAGS_FILE must be set: where it listens, and the file that holds the values')

const relay = new FlagRelay(FLAGS_FILE, (line) => process.stdout.write(`${JSON.stringify({ msg: line })}\n`))
await relay.start(Number(PORT), FLAG_DEFAULTS, HOST)
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void relay.stop())
