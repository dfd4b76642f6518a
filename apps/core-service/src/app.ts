import { KafkaStrategy } from '@catamaran/messaging'
import { createService, type Service } from '@catamaran/platform'
import { AppModule } from './app.module.js'
import type { Config } from './config.js'

/** Builds core-service: what main.ts runs and every test calls. */
export const createApp = (config: Config): Promise<Service> =>
  createService({
    name: 'core-service',
    config: config.service,
    module: (platform) => AppModule.for(config, platform),
    strategy: ({ logger }) => new KafkaStrategy({ kafka: config.kafka, logger, clientId: 'core-service' }),
  })
