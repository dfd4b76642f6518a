// A process of its own: the catalogue it holds while it works must not stay in the launcher's memory.
import { seed } from '@catamaran/seed'

const [authUrl, coreUrl, dataKey] = ['AUTH_DATABASE_URL', 'CORE_DATABASE_URL', 'DATA_KEYS'].map((name) => process.env[name])
if (!authUrl || !coreUrl || !dataKey) throw new Error('AUTH_DATABASE_URL, CORE_DATABASE_URL and DATA_KEYS must be set')
process.stdout.write(`${JSON.stringify(await seed({ authUrl, coreUrl, dataKey }))}\n`)
