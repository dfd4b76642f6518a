import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { after, before, describe, it } from 'node:test'
import { spawnService } from '@catamaran/testing'
import * as oidc from 'openid-client'
import { Browser } from './browser.js'
import { authorisation, isOAuthError, openSignIn, PASSWORD, postJson, register, signIn, tokenOf } from './journey.js'
import { prepareAuth, type Surroundings } from './system.js'

const NEW_PASSWORD = 'lanterns along the outer pier'

const run = promisify(execFile)
const fileOf = (name: string): string => fileURLToPath(new URL(`../src/${name}.js`, import.meta.url))

describe('auth-service as a process', () => {
  let surroundings: Surroundings
  let env: Record<string, string>
  before(async () => {
    surroundings = await prepareAuth('process')
    env = { ...surroundings.environment, AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' }
  })
  after(() => surroundings.close())

  it('writes no secret into its log, whatever goes through it, and ends cleanly', async () => {
    const service = await spawnService(fileOf('main'), { ...env, LOG_LEVEL: 'debug' })
    surroundings.openTo(service.url)
    const email = await register(surroundings)
    const browser = new Browser(surroundings.publicUrl)
    const { config, url, checks } = await authorisation(surroundings)
    await browser.submit(await openSignIn(browser, url), { email, password: 'a wrong guess at it' })
    const callback = await signIn(browser, url, email)
    const tokens = await oidc.authorizationCodeGrant(config, callback, checks)
    const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '')
    await assert.rejects(oidc.refreshTokenGrant(config, 'no refresh token at all'), isOAuthError('invalid_grant'))
    await oidc.fetchUserInfo(config, refreshed.access_token, tokens.claims()?.sub ?? '')
    const reset = `${surroundings.publicUrl}/v1/users/reset-password`
    await postJson(reset, { email })
    const token = tokenOf((await surroundings.mailbox.nextLike(email, /reset-password\?token/)).text)
    await postJson(`${reset}/confirm`, { token, password: 'password12345678' })
    assert.equal((await browser.submit('/account/reset-password', { token, password: NEW_PASSWORD })).status, 200)
    surroundings.postgres.cut()
    await browser.submit(await openSignIn(browser, (await authorisation(surroundings)).url).catch(() => '/'), { email, password: PASSWORD })
    surroundings.postgres.restore()
    assert.equal(await service.kill('SIGTERM'), 0)

    const log = service.output.join('\n')
    assert.ok(
      log.includes('"endpoint":"token"') && log.includes('"oauthError":"invalid_grant"') && log.includes('"problem":"service.unavailable"'),
    )
    const links = surroundings.mailbox.mails.map(({ text }) => tokenOf(text))
    const cookies = ['cat_session', 'cat_interaction', 'cat_resume', 'cat_device'].map((name) => browser.cookie(name))
    const signing = (JSON.parse(readFileSync(env['SIGNING_KEYS_FILE'] ?? '', 'utf8')) as { keys: { d: string }[] }).keys.map(({ d }) => d)
    const secrets = [
      ...[
        email,
        PASSWORD,
        NEW_PASSWORD,
        'password12345678',
        'a wrong guess at it',
        'no refresh token at all',
        checks.pkceCodeVerifier,
        callback.searchParams.get('code'),
      ],
      ...[tokens.access_token, tokens.refresh_token, tokens.id_token, refreshed.access_token, refreshed.refresh_token],
      ...[env['COOKIE_KEYS'], env['DATABASE_URL'], new URL(env['DATABASE_URL'] ?? '').password, ...links, ...cookies, ...signing],
    ].filter((secret): secret is string => secret !== null && secret !== undefined && secret !== '')
    assert.ok(secrets.length >= 20)
    for (const secret of secrets) assert.ok(!log.includes(secret), 'a secret stands in the log')
  })

  it('migrates twice', async () => {
    for (const _time of [1, 2]) assert.deepEqual(await run(process.execPath, [fileOf('migrate')], { env }), { stdout: '', stderr: '' })
  })

  it('describes the routes of the API and none of the pages', async () => {
    const { stdout } = await run(process.execPath, [fileOf('main'), 'openapi'], { env })
    const { openapi, paths } = JSON.parse(stdout) as { openapi: string; paths: Record<string, unknown> }
    assert.equal(openapi, '3.1.0')
    for (const path of ['/v1/users', '/v1/users/verify-email', '/v1/me/sessions/{sid}', '/v1/me/export/{id}'])
      assert.ok(path in paths, path)
    assert.deepEqual(
      Object.keys(paths).filter((path) => !path.startsWith('/v1/')),
      [],
    )
  })

  it('does not start with a configuration that is not complete, and names what is missing and wrong', async () => {
    const { SMTP_URL: _gone, ...rest } = env
    const failed = await run(process.execPath, [fileOf('main')], { env: { ...rest, COOKIE_KEYS: 'short-secret' } }).then(
      () => undefined,
      (error: { code: number; stderr: string }) => error,
    )
    assert.equal(failed?.code, 1)
    assert.match(failed?.stderr ?? '', /SMTP_URL: is missing/)
    assert.match(failed?.stderr ?? '', /COOKIE_KEYS: expected secrets of 32 characters or more/)
    assert.ok(!failed?.stderr.includes('short-secret'))
  })
})
