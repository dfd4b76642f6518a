import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Passwords } from './passwords.js'

describe('Passwords', () => {
  const passwords = new Passwords({ passwords: { lanes: 1, queue: 2 } })

  it('are PHC strings of argon2id with a salt of their own, and match themselves alone', async () => {
    const phc = await passwords.hash('seven sails over quiet water', 'a@example.com')
    assert.match(phc, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    assert.notEqual(await passwords.hash('seven sails over quiet water', 'a@example.com'), phc)
    assert.equal(await passwords.verify('seven sails over quiet water', phc), true)
    assert.equal(await passwords.verify('eight sails over quiet water', phc), false)
    assert.equal(await passwords.verify('seven sails over quiet water'), false)
  })

  it('agree with the reference implementation', async () => {
    // echo -n password | argon2 somesaltsomesalt -id -k 19456 -t 2 -p 1 -l 32 -e
    const reference = '$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$K13EBUiG7JV+9ZxztmHFTdb7J0WQsnj2V8bZaqyPptE'
    assert.equal(await passwords.verify('password', reference), true)
    assert.equal(await passwords.verify('Password', reference), false)
  })

  it('refuse more than the queue holds, and go on afterwards', async () => {
    const tries = await Promise.allSettled(Array.from({ length: 5 }, () => passwords.verify('whatever')))
    const refused = tries.filter((each) => each.status === 'rejected')
    assert.equal(refused.length, 2)
    for (const { reason } of refused) assert.match(String(reason), /service.overloaded/)
    assert.equal(await passwords.verify('whatever'), false)
  })
})
