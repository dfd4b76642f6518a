import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { idOf, type UserId } from '@catamaran/contracts'
import { SettableClock } from '@catamaran/testing'
import { Secret } from 'otpauth'
import { TotpService } from '../src/totp/totp.service.js'
import { codeOf, newPerson, switchOn, type Answer, type Person } from './factors.js'
import { startAuth, type AuthSystem } from './system.js'

const STEP_MS = 30_000

describe('one-time codes', () => {
  const clock = new SettableClock()
  let system: AuthSystem
  let totp: TotpService
  before(async () => {
    system = await startAuth('totp', { now: clock.now })
    totp = system.service.app.get(TotpService)
  })
  after(() => system.close())

  const codesNow = (secret: unknown) => codeOf(secret, clock.now())
  const told = ({ status, body }: Answer): [number, unknown] => [status, body['code']]
  const userIdOf = async ({ email }: Person): Promise<UserId> => {
    const { rows } = await system.database.query<{ id: string }>('select id from user_account where email = $1', [email])
    return idOf('user', rows[0]?.id ?? '')
  }

  it('are switched on by the first one, with ten recovery codes and a mail, and off again', async () => {
    const person = await newPerson(system)
    const off = { status: 'off', since: null, recoveryCodesLeft: 0 }
    assert.deepEqual((await person.call('GET', '/v1/me/totp')).body, off)
    const started = await person.call('POST', '/v1/me/totp')
    assert.equal(started.status, 201)
    assert.match(
      String(started.body['uri']),
      /^otpauth:\/\/totp\/Catamaran:.+\?issuer=Catamaran&secret=[A-Z2-7]{32}&algorithm=SHA1&digits=6&period=30$/,
    )
    assert.deepEqual((await person.call('GET', '/v1/me/totp')).body, off, 'nothing counts before a code was confirmed')

    const confirmed = await person.call('POST', '/v1/me/totp/confirm', { code: codesNow(started.body['secret']) })
    assert.equal(confirmed.status, 200)
    const codes = confirmed.body['codes'] as string[]
    assert.equal(new Set(codes).size, 10)
    for (const code of codes) assert.match(code, /^[a-z2-7]{4}(-[a-z2-7]{4}){5}$/)
    const on = { status: 'on', since: new Date(clock.now()).toISOString(), recoveryCodesLeft: 10 }
    assert.deepEqual((await person.call('GET', '/v1/me/totp')).body, on)
    assert.match((await system.mailbox.next(person.email, 2)).text, /needs a code of your authenticator app/)

    assert.equal((await person.call('DELETE', '/v1/me/totp')).status, 204)
    assert.deepEqual((await person.call('GET', '/v1/me/totp')).body, off)
    assert.match((await system.mailbox.next(person.email, 3)).text, /needs no code/)
    assert.deepEqual(told(await person.call('DELETE', '/v1/me/totp')), [409, 'identity.totp-off'])
  })

  it('refuse a wrong first code, one of another secret, and a second start', async () => {
    const person = await newPerson(system)
    assert.deepEqual(told(await person.call('POST', '/v1/me/totp/confirm', { code: '123456' })), [409, 'identity.totp-off'])
    const first = await person.call('POST', '/v1/me/totp')
    const second = await person.call('POST', '/v1/me/totp')
    const late = await person.call('POST', '/v1/me/totp/confirm', { code: codesNow(first.body['secret']) })
    assert.deepEqual(told(late), [422, 'identity.code-invalid'])
    assert.equal((await person.call('POST', '/v1/me/totp/confirm', { code: 'abcdef' })).status, 400)
    assert.equal((await person.call('POST', '/v1/me/totp/confirm', { code: codesNow(second.body['secret']) })).status, 200)
    assert.deepEqual(told(await person.call('POST', '/v1/me/totp')), [409, 'identity.totp-on'])
    const again = await person.call('POST', '/v1/me/totp/confirm', { code: codesNow(second.body['secret']) })
    assert.deepEqual(told(again), [409, 'identity.totp-on'])
  })

  it('count one step early and late and no further, and each once, also when it comes twice at the same time', async () => {
    const person = await newPerson(system)
    const { secret } = await switchOn(person, clock.now())
    const userId = await userIdOf(person)
    assert.equal(await totp.accepts(userId, codesNow(secret)), false, 'the one that switched them on is used')
    clock.advance(10 * STEP_MS)
    const at = (steps: number) => codeOf(secret, clock.now() + steps * STEP_MS)
    assert.equal(await totp.accepts(userId, at(-2)), false)
    assert.equal(await totp.accepts(userId, at(2)), false)
    assert.equal(await totp.accepts(userId, at(-1)), true)
    const twice = await Promise.all([totp.accepts(userId, at(0)), totp.accepts(userId, at(0))])
    assert.deepEqual(twice.toSorted(), [false, true])
    assert.equal(await totp.accepts(userId, at(-1)), false, 'an older one is not good after a newer one')
    assert.equal(await totp.accepts(userId, at(1)), true)
  })

  it('can’t be guessed: after five wrong ones the right one waits too, and other people go on', async () => {
    const [person, other] = [await newPerson(system), await newPerson(system)]
    const [{ secret }, { secret: othersSecret }] = [await switchOn(person, clock.now()), await switchOn(other, clock.now())]
    const [userId, otherId] = [await userIdOf(person), await userIdOf(other)]
    clock.advance(STEP_MS)
    const wrong = codeOf(othersSecret, clock.now() + 100 * STEP_MS)
    for (let tries = 0; tries < 5; tries++) assert.equal(await totp.accepts(userId, wrong), false)
    await assert.rejects(totp.accepts(userId, codesNow(secret)), /request.rate-limited/)
    assert.equal(await totp.accepts(otherId, codesNow(othersSecret)), true)
  })

  it('are kept sealed, and recovery codes as hashes', async () => {
    const person = await newPerson(system)
    const { secret, codes } = await switchOn(person, clock.now())
    const { rows: sealed } = await system.database.query<{ sealed_secret: Buffer }>('select sealed_secret from totp')
    const { rows: hashes } = await system.database.query<{ code_hash: Buffer }>('select code_hash from recovery_code')
    const stored = Buffer.concat([...sealed.map((row) => row.sealed_secret), ...hashes.map((row) => row.code_hash)])
    assert.ok(!stored.includes(Buffer.from(Secret.fromBase32(secret).bytes)))
    for (const code of codes) assert.ok(!stored.includes(code) && !stored.includes(code.replaceAll('-', '')))
    assert.ok(hashes.length >= 10 && hashes.every(({ code_hash: hash }) => hash.length === 32))
  })

  it('give new recovery codes, after which the old ones are worth nothing', async () => {
    const person = await newPerson(system)
    assert.deepEqual(told(await person.call('POST', '/v1/me/recovery-codes')), [409, 'identity.totp-off'])
    const { codes: old } = await switchOn(person, clock.now())
    const renewed = await person.call('POST', '/v1/me/recovery-codes')
    assert.equal(renewed.status, 201)
    const userId = await userIdOf(person)
    assert.equal(await totp.accepts(userId, old[0] ?? ''), false)
    const [code = ''] = renewed.body['codes'] as string[]
    assert.equal(await totp.accepts(userId, ` ${code.toUpperCase().replaceAll('-', ' ')}`), true)
    assert.equal(await totp.accepts(userId, code), false, 'each works once')
    assert.equal((await person.call('GET', '/v1/me/totp')).body['recoveryCodesLeft'], 9)
    assert.match((await system.mailbox.next(person.email, 4)).text, /with a recovery code\. 9 of them are left/)
  })

  it('are changed only by who signed in within five minutes', async () => {
    clock.set(Date.now() - 301_000) // tokens are judged by the machine's clock
    const person = await newPerson(system)
    clock.set(Date.now())
    assert.equal((await person.call('GET', '/v1/me/totp')).status, 200)
    for (const [method, path] of [
      ['POST', '/v1/me/totp'],
      ['POST', '/v1/me/totp/confirm'],
      ['DELETE', '/v1/me/totp'],
      ['POST', '/v1/me/recovery-codes'],
    ] as const) {
      const answer = await person.call(method, path)
      assert.deepEqual(told(answer), [401, 'auth.step-up-needed'], path)
      assert.match(answer.challenge ?? '', /error="insufficient_user_authentication".*max_age="?300/)
    }
  })
})
