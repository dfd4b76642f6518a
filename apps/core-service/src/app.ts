import { KafkaStrategy } from '@catamaran/messaging'
import { createService, type Service } from '@catamaran/platform'
import { AppModule } from './app.module.js'
import type { Config } from './config.js'

/** An import comes in as fast as it is written, through the gateway, which bounds all other bodies. */
const IMPORT_WITHIN_MS = 15 * 60_000

/** Builds core-service: what main.ts runs and every test calls. */
export const createApp = (config: Config): Promise<Service> =>
  createService({
    name: 'core-service',
    config: config.service,
    requestTimeoutMs: IMPORT_WITHIN_MS,
    module: (platform) => AppModule.for(config, platform),
    strategy: ({ logger }) => new KafkaStrategy({ kafka: config.kafka, logger, clientId: 'core-service' }),
  })
