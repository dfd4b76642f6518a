import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { strikeSecrets } from './logging.js'

describe('strikeSecrets', () => {
  it('strikes secrets and personal data out by key, at two depths, and leaves the given object alone', () => {
    const given = {
      email: 'ada@example.com',
      headers: { authorization: 'Bearer x', accept: '*/*' },
      form: { deep: { token: 'x' } },
      status: 200,
    }
    const copy = structuredClone(given)
    assert.deepEqual(strikeSecrets(given), {
      email: '[redacted]',
      headers: { authorization: '[redacted]', accept: '*/*' },
      form: { deep: { token: 'x' } },
      status: 200,
    })
    assert.deepEqual(given, copy)
  })

  it('leaves lines without secrets, and errors with their code, as they are', () => {
    const fields = { status: 200, caller: undefined, token: undefined, err: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) }
    assert.equal(strikeSecrets(fields), fields)
  })

  it('looks into records without a prototype as well', () => {
    const headers = Object.assign(Object.create(null) as Record<string, unknown>, { cookie: 'a=1' })
    assert.deepEqual({ ...(strikeSecrets({ headers })['headers'] as object) }, { cookie: '[redacted]' })
  })
})
