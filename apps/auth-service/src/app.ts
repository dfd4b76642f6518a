import { KafkaStrategy } from '@catamaran/messaging'
import { AppError, createService, type Service } from '@catamaran/platform'
import type { FastifyInstance } from 'fastify'
import { AppModule } from './app.module.js'
import type { Config } from './config.js'
import { registerOidc } from './oidc/oidc.routes.js'
import { OidcProvider } from './oidc/provider.js'
import { MembershipGuard } from './partners/membership.guard.js'

export interface Overrides {
  /** The wall clock in epoch milliseconds. Default: the machine's. */
  now?: () => number
}

/** What main.ts and every test call: auth-service, made but not listening. */
export const createApp = (config: Config, { now = Date.now }: Overrides = {}): Promise<Service> =>
  createService({
    name: 'auth-service',
    config: config.service,
    module: (platform) => AppModule.for(config, platform, now),
    roles: (app) => app.get(MembershipGuard),
    strategy: ({ logger }) => new KafkaStrategy({ kafka: config.kafka, logger, clientId: 'auth-service' }),
    trustedHops: 1, // the gateway, which says where the request came from
    routes: (fastify, app) => {
      registerForms(fastify)
      registerOidc(fastify, app.get(OidcProvider))
    },
  })

/** Forms are for the pages alone: the API under /v1 takes JSON, which no other site's form can send. */
const registerForms = (fastify: FastifyInstance): void => {
  fastify.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (request, body, done) => {
    if (!request.url.startsWith('/account/')) return done(new AppError('request.unsupported-media-type'))
    done(null, Object.fromEntries(new URLSearchParams(body as string)))
  })
}
