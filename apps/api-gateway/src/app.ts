import { createService, type Service } from '@catamaran/platform'
import { AppModule } from './app.module.js'
import { CONFIG, type Config } from './config.js'
import { Forwarder } from './forwarding/forwarder.js'
import { forwardingRoutes } from './forwarding/routes.js'

/** Makes the gateway. `now` is the wall clock for token expiry. */
export const createApp = (config: Config, overrides: { now?: () => number } = {}): Promise<Service> =>
  createService({
    name: 'api-gateway',
    config: config.service,
    trustedHops: config.trustedHops,
    module: (platform) => AppModule.for(config, platform),
    routes: (fastify, app) => {
      void fastify.register(forwardingRoutes(app.get(Forwarder), app.get<Config>(CONFIG)))
    },
    ...overrides,
  })
