import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { SettableClock } from '@catamaran/testing'
import * as oidc from 'openid-client'
import { ArtifactsRepository } from '../src/oidc/artifacts.repository.js'
import { isOAuthError, register, tokensFor } from './journey.js'
import { startAuth, type AuthSystem } from './system.js'

describe('refresh tokens', () => {
  const clock = new SettableClock()
  let system: AuthSystem
  let email: string
  before(async () => {
    system = await startAuth('refresh', { now: clock.now })
    email = await register(system)
  })
  after(() => system.close())

  const family = async () => {
    const { config, tokens } = await tokensFor(system, email)
    const refresh = async (token: string): Promise<string> => (await oidc.refreshTokenGrant(config, token)).refresh_token ?? ''
    return { config, first: tokens.refresh_token ?? '', refresh }
  }

  it('rotate with each use', async () => {
    const { first, refresh } = await family()
    const second = await refresh(first)
    const third = await refresh(second)
    assert.equal(new Set([first, second, third]).size, 3)
  })

  it('give the same successor again within ten seconds, until that is used', async () => {
    const { first, refresh } = await family()
    const second = await refresh(first)
    assert.equal(await refresh(first), second)
    clock.advance(9_000)
    assert.equal(await refresh(first), second)
    const third = await refresh(second)
    await assert.rejects(refresh(first), isOAuthError('invalid_grant'))
    await assert.rejects(refresh(third), isOAuthError('invalid_grant'))
  })

  it('give one successor to a token that is sent many times at once', async () => {
    const { first, refresh } = await family()
    const successors = await Promise.all(Array.from({ length: 8 }, () => refresh(first)))
    assert.equal(new Set(successors).size, 1)
    await refresh(successors[0] ?? '')
  })

  it('stay spent when a request that was late writes them once more, and end their family once, whoever notices', async () => {
    const artifacts = system.service.app.get(ArtifactsRepository)
    const stolen: string[] = []
    const onReuse = (id: string) => Promise.resolve(void stolen.push(id))
    const storage = artifacts.adapter('RefreshToken', { successorOf: (id) => `after ${id}`, onReuse })
    for (const token of ['looked at', 'used by two at once']) {
      const payload = { grantId: `grant of ${token}`, accountId: token }
      await artifacts.put('Grant', payload.grantId, {}, 60)
      await storage.upsert(token, payload, 60)
      await storage.consume(token)
      assert.ok(await artifacts.find('Grant', payload.grantId))
      clock.advance(11_000)
      await storage.upsert(token, payload, 60)
    }
    assert.ok((await storage.find('looked at'))?.consumed)
    await assert.rejects(storage.consume('used by two at once'), /invalid_grant/)
    assert.deepEqual(stolen, ['looked at', 'used by two at once'])
    for (const token of stolen) {
      assert.equal(await artifacts.find('Grant', `grant of ${token}`), undefined)
      await storage.find(token)
    }
    assert.equal(stolen.length, 2)
  })

  it('end the whole family when one is used again later', async () => {
    const { first, refresh } = await family()
    const second = await refresh(first)
    clock.advance(11_000)
    const revoked = async () => (await system.database.query("select from revocation where kind = 'user'")).rowCount ?? 0
    const before = await revoked()
    await assert.rejects(refresh(first), isOAuthError('invalid_grant'))
    await assert.rejects(refresh(second), isOAuthError('invalid_grant'))
    assert.equal(await revoked(), before + 1, 'access tokens end with it')
  })

  it('end by revocation', async () => {
    const { config, first, refresh } = await family()
    const second = await refresh(first)
    await oidc.tokenRevocation(config, second)
    await assert.rejects(refresh(second), isOAuthError('invalid_grant'))
    await assert.rejects(refresh(first), isOAuthError('invalid_grant'))
  })

  it('are of no use to another client', async () => {
    const { first } = await family()
    await system.database.query(
      `insert into oidc_client (id, name, application_type, auth_method, grant_types, redirect_uris, scopes)
        values ('other-app', 'Other', 'native', 'none', '{authorization_code,refresh_token}', '{http://127.0.0.1/callback}', '{}')`,
    )
    const answer = await fetch(`${system.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: first, client_id: 'other-app' }),
    })
    assert.deepEqual([answer.status, ((await answer.json()) as { error: string }).error], [400, 'invalid_grant'])
  })
})
