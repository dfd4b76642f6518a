import { createService, LOGGER, type Logger, type Service } from '@catamaran/platform'
import { AppModule } from './app.module.js'
import { CONFIG, type Config } from './config.js'
import { watchConnections } from './connections.js'
import { GatewayDoor } from './credentials/door.js'
import { Forwarder } from './forwarding/forwarder.js'
import { forwardingRoutes } from './forwarding/routes.js'
import { pageRoutes } from './pages/pages.routes.js'
import { securityHeadersOf } from './security-headers.js'
import { RouteNames } from './usage/route-names.js'

const UPLOAD_WITHIN_MS = 15 * 60_000

/** Makes the gateway. `now` is the wall clock for token expiry. */
export const createApp = (config: Config, overrides: { now?: () => number } = {}): Promise<Service> =>
  createService({
    name: 'api-gateway',
    config: config.service,
    trustedHops: config.trustedHops,
    // Shorter times for all bodies but uploads: takeBody.
    requestTimeoutMs: UPLOAD_WITHIN_MS,
    module: (platform) => AppModule.for(config, platform),
    headers: securityHeadersOf(config.service.issuer),
    door: (app) => app.get(GatewayDoor),
    routes: (fastify, app) => {
      watchConnections(fastify, app.get<Logger>(LOGGER), securityHeadersOf(config.service.issuer))
      void fastify.register(pageRoutes)
      void fastify.register(forwardingRoutes(app.get(Forwarder), app.get(RouteNames), app.get<Config>(CONFIG)))
    },
    ...overrides,
  })
