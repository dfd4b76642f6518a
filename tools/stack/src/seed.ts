// A process of its own: the catalogue it holds while it works must not stay in the launcher's memory.
import { seed } from '@catamaran/seed'

const [authUrl, coreUrl] = [process.env['AUTH_DATABASE_URL'], process.env['CORE_DATABASE_URL']]
if (!authUrl || !coreUrl) throw new Error('AUTH_DATABASE_URL and CORE_DATABASE_URL must be set')
process.stdout.write(`${JSON.stringify(await seed({ authUrl, coreUrl }))}\n`)
