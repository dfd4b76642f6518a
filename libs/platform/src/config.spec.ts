import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { ConfigError, env, readConfig } from './config.js'

const schema = z.object({ PORT: env.port, UPSTREAM: env.url, BROKERS: env.list })

test('every bad key is named with what was expected, and no value is told', () => {
  assert.throws(
    () => readConfig(schema, { PORT: 'secret-value', UPSTREAM: 'ftp://secret-value' }),
    (error: Error) => {
      assert.ok(error instanceof ConfigError)
      for (const key of ['PORT', 'UPSTREAM', 'BROKERS: is missing']) assert.match(error.message, new RegExp(key))
      assert.doesNotMatch(error.message, /secret-value/)
      return true
    },
  )
})

test('an empty variable counts as missing', () => {
  assert.throws(() => readConfig(schema, { PORT: '', UPSTREAM: 'http://a', BROKERS: 'b' }), /PORT: is missing/)
})

test('URLs lose their trailing slash and lists their blanks', () => {
  assert.deepEqual(readConfig(schema, { PORT: '80', UPSTREAM: 'http://a/', BROKERS: 'x, y,' }), {
    PORT: 80,
    UPSTREAM: 'http://a',
    BROKERS: ['x', 'y'],
  })
})
