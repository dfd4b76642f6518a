import { Module, type DynamicModule } from '@nestjs/common'
import { RedisClient } from '@catamaran/data'
import { Flags } from '@catamaran/flags'
import { LOGGER, ServiceTokens, type Platform } from '@catamaran/platform'
import { CONFIG, type Config } from './config.js'
import { Forwarder } from './forwarding/forwarder.js'
import { RateLimiter } from './limits/rate-limiter.js'

@Module({})
export class AppModule {
  static for(config: Config, { logger }: Platform): DynamicModule {
    const { issuer, authUrl, serviceKeyFile } = config.service
    return {
      module: AppModule,
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: LOGGER, useValue: logger },
        { provide: RedisClient, useFactory: () => new RedisClient(config.redis) },
        { provide: Flags, useFactory: () => new Flags({ ...config.flags, logger }) },
        {
          provide: ServiceTokens,
          useFactory: () => new ServiceTokens({ service: 'api-gateway', issuer, authUrl, keyFile: serviceKeyFile }),
        },
        RateLimiter,
        Forwarder,
      ],
    }
  }
}
