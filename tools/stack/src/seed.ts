// A process of its own: the catalogue it holds while it works must not stay in the launcher's memory.
import { seed } from '@catamaran/seed'

const required = (name: string): string => {
  const value = process.env[name]
  if (!value) throw new Error(`${name} must be set`)
  return value
}

const seeded = await seed({
  authUrl: required('AUTH_DATABASE_URL'),
  coreUrl: required('CORE_DATABASE_URL'),
  dataKey: required('AUTH_DATA_KEY'),
  webhook: {
    ...{ auxUrl: required('AUX_DATABASE_URL'), dataKey: required('AUX_DATA_KEY') },
    ...{ url: required('WEBHOOK_URL'), secret: required('WEBHOOK_SECRET') },
  },
})
process.stdout.write(`${JSON.stringify(seeded)}\n`)
