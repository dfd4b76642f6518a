import { runService } from '@catamaran/platform'
import { createApp } from './app.js'
import { Config } from './config.js'

await runService({ name: 'aux-service', env: process.env, schema: Config, create: createApp })
