import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { ServiceTokens, startTelemetry } from '@catamaran/platform'
import { figureOf, OutageProxy, testEngines } from '@catamaran/testing'
import * as oidc from 'openid-client'
import { Browser } from './browser.js'
import { assertionOf, authorisation, newEmail, openSignIn, PASSWORD, postJson, register, signIn, tokensFor } from './journey.js'
import { startAuth, type AuthSystem } from './system.js'

const scrape = startTelemetry('auth-service')

describe('a store that is away', () => {
  let system: AuthSystem
  let dynamo: OutageProxy
  let redis: OutageProxy
  let email: string
  before(async () => {
    const engines = testEngines()
    ;[dynamo, redis] = await Promise.all([OutageProxy.before(engines.dynamodbEndpoint), OutageProxy.before(engines.redisUrl)])
    system = await startAuth('outages', { env: { DYNAMODB_ENDPOINT: dynamo.url.replace(/\/$/, ''), REDIS_URL: redis.url } })
    email = await register(system)
  })
  after(async () => {
    await system.close()
    await dynamo.close()
    await redis.close()
  })

  const refreshBy = (token: string | undefined) => ({
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token ?? '', client_id: 'catamaran-demo' }),
  })
  const isServiceTokenGiven = async (): Promise<boolean> => {
    const keyFile = join(system.folder, 'core-service.json')
    const tokens = new ServiceTokens({ service: 'core-service', issuer: system.issuer, authUrl: system.innerUrl, keyFile })
    return (await tokens.current()) !== ''
  }

  it('DynamoDB: signing in and refreshing answer 503 with Retry-After, services still get their tokens, all goes on afterwards', async () => {
    const browser = new Browser(system.publicUrl)
    const { url } = await authorisation(system)
    const page = await openSignIn(browser, url)
    const { tokens } = await tokensFor(system, email)
    const failures = async () => figureOf(await scrape('text'), 'signins_total{method="password",outcome="failed"}')
    const before_ = await failures()
    dynamo.cut()
    try {
      const refused = await fetch(`${system.issuer}/token`, refreshBy(tokens.refresh_token))
      const problem = (await refused.json()) as { code: string; requestId: string }
      assert.deepEqual([refused.status, refused.headers.get('retry-after'), problem.code], [503, '1', 'service.unavailable'])
      assert.equal(refused.headers.get('content-type'), 'application/problem+json')
      assert.equal(problem.requestId, refused.headers.get('x-request-id'))
      for (const answer of [
        await browser.go(url.href),
        await browser.go(page),
        await browser.submit(page, { email, password: PASSWORD }),
      ]) {
        const text = await answer.text()
        assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '1'])
        assert.match(text, /<h1>A part of the system is not available<\/h1>/)
        assert.doesNotMatch(text, /at .*\.js|ECONN/)
      }
      assert.equal(await failures(), before_ + 1)
      assert.ok(await isServiceTokenGiven())
    } finally {
      dynamo.restore()
    }
    assert.equal((await fetch(`${system.issuer}/token`, refreshBy(tokens.refresh_token))).status, 200)
    const { at } = await browser.follow(await browser.submit(page, { email, password: PASSWORD }))
    assert.ok(at.searchParams.get('code'))
  })

  it('PostgreSQL: signing in, refreshing and registering answer 503 at once, services still get their tokens', async () => {
    const browser = new Browser(system.publicUrl)
    const page = await openSignIn(browser, (await authorisation(system)).url)
    const { tokens } = await tokensFor(system, email)
    system.postgres.cut()
    try {
      const startedAt = performance.now()
      const answers = [
        await fetch(`${system.issuer}/token`, refreshBy(tokens.refresh_token)),
        await browser.submit(page, { email, password: PASSWORD }),
        await postJson(`${system.publicUrl}/v1/users`, { email: newEmail(), password: PASSWORD }),
      ]
      assert.deepEqual(
        answers.map(({ status, headers }) => [status, headers.get('retry-after')]),
        [
          [503, '1'],
          [503, '1'],
          [503, '1'],
        ],
      )
      assert.ok(performance.now() - startedAt < 1_900, 'sooner than a connection times out')
      assert.ok(await isServiceTokenGiven())
    } finally {
      system.postgres.restore()
    }
    const { at } = await browser.follow(await browser.submit(page, { email, password: PASSWORD }))
    assert.ok(at.searchParams.get('code'))
  })

  it('Redis: everything works, and an assertion is still taken once', async () => {
    redis.cut()
    try {
      assert.ok(await isServiceTokenGiven())
      const assertion = await assertionOf('core-service', system.keyOf('core-service'), system.issuer)
      assert.deepEqual([await askToken(system.issuer, assertion), await askToken(system.issuer, assertion)], [200, 401])
      const { config, url, checks } = await authorisation(system)
      const callback = await signIn(new Browser(system.publicUrl), url, email)
      assert.ok((await oidc.authorizationCodeGrant(config, callback, checks)).access_token)
    } finally {
      redis.restore()
    }
  })
})

const askToken = async (issuer: string, fields: Record<string, string>): Promise<number> => {
  const body = new URLSearchParams({ grant_type: 'client_credentials', ...fields })
  return (await fetch(`${issuer}/token`, { method: 'POST', body })).status
}
