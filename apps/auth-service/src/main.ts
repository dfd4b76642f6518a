import { runService } from '@catamaran/platform'
import { createApp } from './app.js'
import { schema } from './config.js'

await runService({ name: 'auth-service', env: process.env, schema, create: createApp })
