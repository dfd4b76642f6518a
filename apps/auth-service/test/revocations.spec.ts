import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { GatewayState } from '@catamaran/contracts'
import { Database, Retention } from '@catamaran/data'
import { until } from '@catamaran/testing'
import { RevocationsService } from '../src/revocations/revocations.service.js'
import { assertionOf } from './journey.js'
import { startAuth, type AuthSystem } from './system.js'

describe('revocations', () => {
  let system: AuthSystem
  let revocations: RevocationsService
  let database: Database
  before(async () => {
    system = await startAuth('revocations')
    revocations = system.service.app.get(RevocationsService)
    database = system.service.app.get(Database)
  })
  after(() => system.close())

  const stateAs = async (service: string, after: number): Promise<Response> => {
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      ...(await assertionOf(service, system.keyOf(service), system.issuer)),
    })
    const { access_token: token } = (await (await fetch(`${system.innerUrl}/oidc/token`, { method: 'POST', body })).json()) as {
      access_token: string
    }
    return fetch(`${system.innerUrl}/internal/gateway/state?after=${after}`, { headers: { 'x-service-token': token } })
  }
  const stateAfter = async (sequence: number) => GatewayState.parse(await (await stateAs('api-gateway', sequence)).json())
  const revoke = (subject: string) => database.transaction((tx) => revocations.revoke(tx, [{ kind: 'session', subject }]))

  it('are told to a gateway once, in order, with the plans', async () => {
    const before = await stateAfter(0)
    assert.deepEqual(
      before.plans.map(({ id }) => id),
      ['starter', 'growth', 'scale'],
    )
    for (const subject of ['a', 'b', 'c']) await revoke(subject)
    const told = await stateAfter(before.last)
    assert.deepEqual(
      told.revocations.map(({ subject }) => subject),
      ['a', 'b', 'c'],
    )
    assert.equal(told.last, told.revocations.at(-1)?.sequence)
    assert.deepEqual((await stateAfter(told.last)).revocations, [])
  })

  it('are missed by nobody, however transactions overlap', async () => {
    const { last } = await stateAfter(0)
    let release = (): void => undefined
    const isHeld = new Promise<void>((resolve) => (release = resolve))
    let hasRevoked = false
    const slow = database.transaction(async (tx) => {
      await revocations.revoke(tx, [{ kind: 'client', subject: 'slow' }])
      hasRevoked = true
      await isHeld
    })
    await until(() => hasRevoked)
    const fast = revoke('fast') // waits for the one before it: a poll that saw it first would pass over the other
    assert.equal((await stateAfter(last)).last, last)
    release()
    await Promise.all([slow, fast])
    assert.deepEqual(
      (await stateAfter(last)).revocations.map(({ subject }) => subject),
      ['slow', 'fast'],
    )
  })

  it('go when no token is left that they concern, and the count goes on', async () => {
    await revoke('old')
    const { last } = await stateAfter(0)
    await system.database.query("update revocation set expires_at = now() - interval '1 second'")
    await system.service.app.get(Retention).round()
    assert.deepEqual(await stateAfter(0).then(({ last: now, revocations: left }) => [now, left.length]), [last, 0])
    await revoke('new')
    assert.equal((await stateAfter(last)).revocations[0]?.subject, 'new')
  })

  it('are told to nobody but the gateway', async () => {
    assert.equal((await stateAs('core-service', 0)).status, 403)
    assert.equal((await fetch(`${system.innerUrl}/internal/gateway/state`)).status, 403)
  })
})
