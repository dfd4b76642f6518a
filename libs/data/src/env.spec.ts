import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ConfigError, readConfig } from '@catamaran/platform'
import { z } from 'zod'
import { databaseConfig, databaseEnv, redisConfig, redisEnv } from './env.js'

const read = (env: Record<string, string>) =>
  readConfig(
    z.object({ ...databaseEnv, ...redisEnv, AWS_REGION: z.string().optional() }).transform((flat) => ({
      database: databaseConfig(flat),
      redis: redisConfig(flat),
    })),
    { DATABASE_URL: 'postgres://core@db.example/core', REDIS_URL: 'redis://cache.example', ...env },
  )
const refused = (env: Record<string, string>, key: string) =>
  assert.throws(
    () => read(env),
    (error) => error instanceof ConfigError && error.message.includes(`  ${key}: `),
    `${key} is named`,
  )

describe('the configuration of stores', () => {
  it('names what is not safe or can not be', () => {
    refused({ DATABASE_URL: 'postgres://db.example/core?sslmode=require' }, 'DATABASE_URL')
    refused({ DATABASE_AUTH: 'aws-iam', AWS_REGION: 'eu-central-1' }, 'DATABASE_URL') // a token in clear
    refused({ DATABASE_AUTH: 'aws-iam', DATABASE_URL: 'postgres://core@db.example/core?sslmode=verify-full' }, 'AWS_REGION')
    refused({ DATABASE_CA_FILE: '/no/such/file' }, 'DATABASE_CA_FILE')
    refused({ DATABASE_CA_FILE: import.meta.filename }, 'DATABASE_CA_FILE') // no certificate in it
    refused({ DATABASE_PASSWORD_FILE: '/no/such/file' }, 'DATABASE_PASSWORD_FILE')
    refused({ REDIS_URL: 'http://cache.example' }, 'REDIS_URL')
    refused({ REDIS_MODE: 'sentinel' }, 'REDIS_MODE')
  })

  it('takes a local URL as it is, and asks for a password only where one changes', () => {
    const { database, redis } = read({})
    assert.deepEqual([database.ca, database.password, redis.isCluster], [undefined, undefined, false])
    const iam = read({
      DATABASE_AUTH: 'aws-iam',
      AWS_REGION: 'eu-central-1',
      DATABASE_URL: 'postgres://core@db.example/core?sslmode=verify-full',
    })
    assert.equal(typeof iam.database.password, 'function')
  })
})
