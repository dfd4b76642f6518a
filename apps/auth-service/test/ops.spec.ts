import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { newId, uuidOf } from '@catamaran/contracts'
import { errorOf, newOperator, newPerson, type Person } from './partner.js'
import { startAuth, type AuthSystem } from './system.js'

describe('the outbox of auth-service', () => {
  let system: AuthSystem
  let operator: Person
  before(async () => {
    system = await startAuth('auth_ops')
    operator = await newOperator(system)
  })
  after(() => system.close())

  const PATH = '/v1/ops/identity/outbox'

  it('shows an operator what could not be published, and takes it back once when that is asked for twice at once', async () => {
    const [id, userId] = [newId('event'), newId('user')]
    await system.database.query(
      `insert into outbox_dead (seq, id, type, subject, sequence, time, data, reason)
        values (1, $1, 'identity.user.registered.v1', $2, 1, now() - interval '1 hour', $3, 'why')`,
      [uuidOf(id), uuidOf(userId), JSON.stringify({ userId })],
    )
    const state = await operator.call('GET', PATH)
    assert.deepEqual([state.status, state.body['service'], state.body['unpublishable']], [200, 'auth-service', 1])
    const { body } = await operator.call('GET', `${PATH}/unpublishable`)
    const [event] = body['items'] as Record<string, unknown>[]
    assert.deepEqual([event?.['eventId'], event?.['subject'], event?.['payload'], body['nextCursor']], [id, userId, { userId }, null])
    const replay = () => operator.call('POST', `${PATH}/unpublishable/replay`, { body: { all: true } })
    const answers = await Promise.all([replay(), replay()])
    assert.deepEqual(new Set(answers.map((answer) => `${answer.status} ${String(answer.body['replaying'])}`)), new Set(['202 0', '202 1']))
    assert.deepEqual((await operator.call('GET', PATH)).body['unpublishable'], 0)
  })

  it('is shown to nobody else', async () => {
    const person = await newPerson(system)
    assert.deepEqual(errorOf(await person.call('GET', PATH)), [403, 'auth.scope-missing'])
    assert.deepEqual(errorOf(await person.call('POST', `${PATH}/unpublishable/replay`, { body: { all: true } })), [
      403,
      'auth.scope-missing',
    ])
  })
})
