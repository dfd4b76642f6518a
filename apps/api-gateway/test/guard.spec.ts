import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { ACR } from '@catamaran/contracts'
import { Controller, Get, Module } from '@nestjs/common'
import { TestIssuer, type TokenOptions } from '@catamaran/testing'
import { AppError, createService, currentContext, Requires, type Door, type Service } from '@catamaran/platform'

@Controller('v1/thing')
class ThingController {
  @Get('fresh')
  @Requires('account:write', { freshS: 300 })
  fresh(): object {
    return { authorization: currentContext()?.authorization }
  }

  @Get('ops')
  @Requires('ops')
  ops(): object {
    return {}
  }
}

@Module({ controllers: [ThingController] })
class ThingModule {}

describe('the guard of the public door', () => {
  let issuer: TestIssuer
  let service: Service
  let url: string
  let door: Partial<Door> = {}
  before(async () => {
    issuer = await TestIssuer.start()
    service = await createService({
      name: 'api-gateway', // the one that asks nobody for a service token
      config: {
        ...{ host: '127.0.0.1', port: 0, adminHost: '127.0.0.1', adminPort: 0, logLevel: 'silent', logFile: undefined, shutdownMs: 1_000 },
        tracing: { endpoint: undefined, ratio: 0 },
        ...{ issuer: issuer.issuer, authUrl: issuer.url, serviceKeyFile: issuer.serviceKeyFile },
      },
      module: () => ({ module: ThingModule }),
      door: () => ({
        tokenFor: (bearer, request) => door.tokenFor?.(bearer, request) ?? bearer,
        admit: (caller, request) => door.admit?.(caller, request),
        refused: (error, request) => door.refused?.(error, request),
      }),
    })
    url = (await service.listen()).url
  })
  after(async () => {
    await service.close()
    await issuer.close()
  })

  const ask = async (path: string, bearer: string) => {
    const answer = await fetch(`${url}/v1/thing/${path}`, { headers: { authorization: `Bearer ${bearer}` } })
    const body = (await answer.json()) as { code?: string; maxAge?: number; acrValues?: string; authorization?: string }
    return { status: answer.status, challenge: answer.headers.get('www-authenticate'), ...body }
  }
  const tokenOf = (options: TokenOptions): Promise<string> => issuer.token({ scopes: ['account:write', 'ops'], ...options })

  it('lets a fresh sign-in pass, and tells an older one how to be fresh again', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Math.floor(Date.now() / 1000) * 1000 }) // to the second, however slow this machine is
    assert.equal((await ask('fresh', await tokenOf({ authAgeS: 300 }))).status, 200)
    for (const stale of [{ authAgeS: 301 }, {}]) {
      const { status, code, challenge, maxAge } = await ask('fresh', await tokenOf(stale))
      assert.deepEqual([status, code, maxAge], [401, 'auth.step-up-needed', 300])
      assert.equal(challenge, 'Bearer error="insufficient_user_authentication", max_age=300')
    }
    assert.equal((await ask('fresh', await tokenOf({ authAgeS: 1, scopes: [] }))).code, 'auth.scope-missing')
  })

  it('lets operators pass with two factors only, whatever scope the token has', async () => {
    assert.equal((await ask('ops', await tokenOf({ acr: ACR.multi }))).status, 200)
    const { status, challenge } = await ask('ops', await tokenOf({ acr: ACR.single }))
    assert.deepEqual([status, challenge], [401, `Bearer error="insufficient_user_authentication", acr_values="${ACR.multi}"`])
  })

  it('takes what stands for a token, and passes the token on in its place', async () => {
    const token = await tokenOf({ authAgeS: 0 })
    for (const tokenFor of [() => token, () => Promise.resolve(token)]) {
      door = { tokenFor }
      assert.equal((await ask('fresh', 'something-else')).authorization, `Bearer ${token}`)
    }
    door = {}
  })

  it('tells the door of each refusal, also of its own', async () => {
    const refused: string[] = []
    const note: Door['refused'] = (error) => void refused.push((error as AppError).code)
    const revoke = (): never => {
      throw new AppError('auth.token-revoked')
    }
    door = { refused: note, admit: revoke }
    assert.equal((await ask('fresh', await tokenOf({ authAgeS: 0 }))).code, 'auth.token-revoked')
    door = { refused: note, tokenFor: revoke }
    assert.equal((await ask('fresh', 'a-key')).code, 'auth.token-revoked')
    door = { refused: note }
    assert.equal((await ask('fresh', 'no-token')).code, 'auth.token-invalid')
    assert.deepEqual(refused, ['auth.token-revoked', 'auth.token-revoked', 'auth.token-invalid'])
    door = {}
  })
})
