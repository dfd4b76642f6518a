import { Module, type DynamicModule } from '@nestjs/common'
import { createRedis, RedisClient } from '@catamaran/data'
import { Flags } from '@catamaran/flags'
import { LOGGER, ServiceTokens, TokenVerifier, type Platform } from '@catamaran/platform'
import { CONFIG, type Config } from './config.js'
import { ApiKeys } from './credentials/api-keys.js'
import { AuthClient } from './credentials/auth.client.js'
import { AuthState } from './credentials/auth-state.js'
import { GatewayDoor } from './credentials/door.js'
import { LookUps } from './credentials/look-ups.js'
import { Refusals } from './credentials/refusals.js'
import { Revocations } from './credentials/revocations.js'
import { Forwarder } from './forwarding/forwarder.js'
import { RateLimiter } from './limits/rate-limiter.js'
import { RouteNames } from './usage/route-names.js'
import { Usage } from './usage/usage.js'

@Module({})
export class AppModule {
  static for(config: Config, { logger, verifier }: Platform): DynamicModule {
    const { issuer, authUrl, serviceKeyFile } = config.service
    return {
      module: AppModule,
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: LOGGER, useValue: logger },
        { provide: TokenVerifier, useValue: verifier },
        { provide: RedisClient, useFactory: () => createRedis(config.redis) },
        { provide: Flags, useFactory: () => new Flags({ ...config.flags, logger }) },
        {
          provide: ServiceTokens,
          useFactory: () => new ServiceTokens({ service: 'api-gateway', issuer, authUrl, keyFile: serviceKeyFile }),
        },
        AuthClient,
        Revocations,
        AuthState,
        LookUps,
        Refusals,
        ApiKeys,
        GatewayDoor,
        RouteNames,
        Usage,
        RateLimiter,
        Forwarder,
      ],
    }
  }
}
