import { runJob } from '@catamaran/platform'
import { prepareStores, StoresConfig } from './stores.js'

await runJob({ name: 'core-service', env: process.env, schema: StoresConfig, work: prepareStores })
