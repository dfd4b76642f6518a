import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Controller, Get, Module } from '@nestjs/common'
import { Requires } from '../src/access.js'
import { createService, type Service, type ServiceOptions } from '../src/service.js'

@Controller('v1/thing')
class ThingController {
  @Get()
  @Requires('partner:read', { role: 'viewer' })
  read(): object {
    return {}
  }
}

@Module({ controllers: [ThingController] })
class ThingModule {}

const nowhere = 'http://127.0.0.1:9'
const serviceWith = (roles: Pick<ServiceOptions, 'roles'>): Promise<Service> =>
  createService({
    name: 'core-service',
    config: {
      ...{ host: '127.0.0.1', port: 0, adminHost: '127.0.0.1', adminPort: 0, logLevel: 'silent', logFile: undefined, shutdownMs: 1_000 },
      tracing: { endpoint: undefined, ratio: 0 },
      ...{ issuer: nowhere, authUrl: nowhere, serviceKeyFile: '' },
    },
    module: () => ({ module: ThingModule }),
    ...roles,
  })

test('a route that asks for a role does not start in a service that would not check it', async () => {
  const careless = await serviceWith({})
  await assert.rejects(careless.app.init(), /GET \/v1\/thing asks for the role viewer, which core-service does not check/)
  const careful = await serviceWith({ roles: () => ({ canActivate: () => true }) })
  await careful.app.init()
  await careful.app.close()
})
