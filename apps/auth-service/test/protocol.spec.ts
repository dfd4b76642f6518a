import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { SettableClock } from '@catamaran/testing'
import { decodeJwt } from 'jose'
import * as oidc from 'openid-client'
import { Browser } from './browser.js'
import { authorisation, isOAuthError, openSignIn, PASSWORD, REDIRECT, register, type Authorisation } from './journey.js'
import { startAuth, type AuthSystem } from './system.js'

const WEB = { client_id: 'web-shop', redirect_uri: 'https://shop.example/callback' }
const SECRET = 'a secret of the web shop, long enough'

describe('against what is known of attacks on sign-in (RFC 9700)', () => {
  const clock = new SettableClock()
  let system: AuthSystem
  let email: string
  before(async () => {
    system = await startAuth('protocol', { now: clock.now })
    email = await register(system)
    const hash = `sha256$${createHash('sha256').update(SECRET).digest('base64url')}`
    await system.database.query(
      `insert into oidc_client (id, name, application_type, auth_method, secret_hash, grant_types, redirect_uris, scopes)
        values ('web-shop', 'Web shop', 'web', 'client_secret', $1, '{authorization_code,refresh_token}', '{https://shop.example/callback}', '{}'),
          ('two-doors', 'Two doors', 'web', 'client_secret', $1, '{authorization_code}', '{https://a.example/callback,https://b.example/callback}', '{}')`,
      [hash],
    )
  })
  after(() => system.close())

  const newBrowser = (): Browser => new Browser(system.publicUrl)
  /** What the authorisation endpoint answers to a request with parameters changed; undefined takes one away. */
  const asked = async (changes: Record<string, string | undefined>, browser = newBrowser()): Promise<Response> => {
    const { url } = await authorisation(system)
    for (const [name, value] of Object.entries(changes)) {
      url.searchParams.delete(name)
      if (value !== undefined) url.searchParams.set(name, value)
    }
    return browser.go(url.href)
  }
  /** The parameters of the redirect to a client. */
  const toldTo = (answer: Response): URLSearchParams => new URL(answer.headers.get('location') ?? '', system.publicUrl).searchParams
  const codeFor = async (more: Record<string, string> = {}): Promise<Authorisation & { code: string; callback: URL }> => {
    const started = await authorisation(system, more)
    const browser = newBrowser()
    const page = await openSignIn(browser, started.url)
    const { at } = await browser.follow(await browser.submit(page, { email, password: PASSWORD }))
    return { ...started, callback: at, code: at.searchParams.get('code') ?? '' }
  }
  const redeem = async (fields: Record<string, string>, headers: Record<string, string> = {}): Promise<[number, string | undefined]> => {
    const body = new URLSearchParams({ grant_type: 'authorization_code', client_id: 'catamaran-demo', redirect_uri: REDIRECT, ...fields })
    const answer = await fetch(`${system.issuer}/token`, { method: 'POST', body, headers })
    return [answer.status, ((await answer.json()) as { error?: string }).error]
  }
  const asWebShop = { authorization: `Basic ${Buffer.from(`web-shop:${encodeURIComponent(SECRET)}`).toString('base64')}` }

  it('the metadata says what there is, and nothing that there is not', async () => {
    const answer = await fetch(`${system.issuer}/.well-known/openid-configuration`)
    const metadata = (await answer.json()) as Record<string, unknown>
    const expected = {
      issuer: system.issuer,
      jwks_uri: `${system.issuer}/jwks`,
      userinfo_endpoint: `${system.issuer}/me`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      authorization_response_iss_parameter_supported: true,
    }
    for (const [name, value] of Object.entries(expected)) assert.deepEqual(metadata[name], value, name)
    assert.deepEqual((metadata['grant_types_supported'] as string[]).toSorted(), [
      'authorization_code',
      'client_credentials',
      'refresh_token',
    ])
    assert.deepEqual((metadata['response_modes_supported'] as string[]).toSorted(), ['form_post', 'fragment', 'query'])
    const absent = ['registration_endpoint', 'device_authorization_endpoint', 'introspection_endpoint', 'check_session_iframe']
    for (const name of [...absent, 'pushed_authorization_request_endpoint']) assert.equal(metadata[name], undefined, name)
    for (const path of ['/reg', '/device', '/device/auth', '/request', '/token/introspection', '/backchannel', '/challenge'])
      assert.equal((await fetch(system.issuer + path, { method: 'POST' })).status, 404, path)
    const { keys } = (await (await fetch(`${system.issuer}/jwks`)).json()) as { keys: Record<string, unknown>[] }
    for (const key of keys)
      assert.deepEqual(
        ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'].filter((part) => part in key),
        [],
      )
  })

  it('answers name their issuer (RFC 9207), also those that refuse', async () => {
    const { callback } = await codeFor()
    assert.equal(callback.searchParams.get('iss'), system.issuer)
    for (const changes of [{ code_challenge: undefined }, { scope: 'openid nonsense', prompt: 'none' }, { response_mode: 'nonsense' }]) {
      const told = toldTo(await asked(changes))
      assert.deepEqual([told.get('iss'), typeof told.get('error')], [system.issuer, 'string'], JSON.stringify(changes))
    }
  })

  it('state comes back letter by letter, and not at all where none was sent', async () => {
    const state = `&code=other#?/ ü"<script>${randomUUID()}`
    const refused = toldTo(await asked({ state, code_challenge: undefined }))
    assert.equal(refused.get('state'), state)
    assert.deepEqual([refused.get('code'), refused.getAll('state').length], [null, 1])
    assert.equal(toldTo(await asked({ state: undefined, code_challenge: undefined })).has('state'), false)
    const good = await codeFor({ state })
    assert.equal(good.callback.searchParams.get('state'), state)
  })

  it('nonce stands in the ID token of this sign-in, and a client notices the one of another', async () => {
    const { config, callback, checks } = await codeFor()
    const stolen = oidc.authorizationCodeGrant(config, callback, { ...checks, expectedNonce: oidc.randomNonce() })
    await assert.rejects(stolen, isCausedBy(/nonce/))
    const other = await codeFor()
    const tokens = await oidc.authorizationCodeGrant(other.config, other.callback, other.checks)
    assert.equal(decodeJwt(tokens.id_token ?? '')['nonce'], other.checks.expectedNonce)
    const foreign = oidc.authorizationCodeGrant(other.config, other.callback, { ...other.checks, expectedState: 'another' })
    await assert.rejects(foreign, isCausedBy(/state/))
  })

  it('nothing but a code is given at the front, and only in the ways that are offered', async () => {
    for (const type of ['token', 'id_token', 'id_token token', 'code token', 'code id_token', 'none'])
      assert.equal((await asked({ response_type: type })).headers.get('location')?.includes('error=unsupported_response_type'), true, type)
    for (const mode of ['web_message', 'jwt', 'query.jwt', 'nonsense']) {
      const location = (await asked({ response_mode: mode })).headers.get('location') ?? ''
      assert.doesNotMatch(location, /^\/account\/sign-in|[?&#]code=/, mode)
    }
    for (const [name, value] of [
      ['request', 'e30.e30.'],
      ['request_uri', 'https://evil.example/request'],
    ] as const)
      assert.match((await asked({ [name]: value })).headers.get('location') ?? '', /error=request(_uri)?_not_supported/, name)
  })

  it('a code is of use with its verifier alone, and a verifier can’t be added to a code without a challenge', async () => {
    const { checks, code } = await codeFor()
    for (const verifier of [
      undefined,
      '',
      'short',
      `${checks.pkceCodeVerifier}x`,
      checks.pkceCodeVerifier.toUpperCase(),
      await digest(checks),
    ]) {
      const fields = { code, ...(verifier !== undefined && { code_verifier: verifier }) }
      const [status, error] = await redeem(fields)
      assert.deepEqual([status, /^invalid_(grant|request)$/.test(error ?? '')], [400, true], verifier)
    }
    for (const challenge of ['short', 'x'.repeat(42), 'x'.repeat(129), '+'.repeat(43)])
      assert.equal(toldTo(await asked({ code_challenge: challenge })).get('error'), 'invalid_request', challenge)
    for (const method of ['plain', 'none', 's256', undefined])
      assert.equal(toldTo(await asked({ code_challenge_method: method })).get('error'), 'invalid_request', method)
  })

  it('a code is of use to its own client, at its own address and for a minute alone', async () => {
    const { checks, code } = await codeFor()
    const right = { code, code_verifier: checks.pkceCodeVerifier }
    assert.deepEqual(await redeem({ ...right, ...WEB }, asWebShop), [400, 'invalid_grant'])
    const again = await codeFor()
    const late = { code: again.code, code_verifier: again.checks.pkceCodeVerifier }
    assert.deepEqual(await redeem({ ...late, redirect_uri: 'http://127.0.0.1:1/callback' }), [400, 'invalid_grant'])
    const third = await codeFor()
    clock.advance(61_000)
    assert.deepEqual(await redeem({ code: third.code, code_verifier: third.checks.pkceCodeVerifier }), [400, 'invalid_grant'])
  })

  it('a web client is called back at its address, letter by letter', async () => {
    assert.match((await asked(WEB)).headers.get('location') ?? '', /^\/account\/sign-in\//)
    const { redirect_uri: exact } = WEB
    const others = [
      ...[`${exact}/`, `${exact}/more`, `${exact}?more=1`, `${exact}?`, `${exact}#part`, `${exact}%20`, `${exact};x`, exact.toUpperCase()],
      ...[
        'https://shop.example/Callback',
        'https://shop.example/call%62ack',
        'https://shop.example/x/../callback',
        'https://shop.example//callback',
      ],
      ...[
        'https://shop.example:443/callback',
        'https://shop.example:444/callback',
        'http://shop.example/callback',
        '//shop.example/callback',
      ],
      ...[
        'https://shop.example./callback',
        'https://SHOP.example/callback',
        'https://www.shop.example/callback',
        'https://shop.example.evil.example/callback',
      ],
      ...[
        'https://user@shop.example/callback',
        'https://shop.example@evil.example/callback',
        'https://evil.example\\@shop.example/callback',
      ],
      ...[
        'https://evil.example/callback',
        'https://evil.example/?https://shop.example/callback',
        'javascript:alert(1)',
        'data:text/html,x',
        '/callback',
        '',
      ],
      ...[
        'https://shop.example/callback\t',
        ' https://shop.example/callback',
        'https://shop.example/callback\n',
        'https://ѕhop.example/callback',
      ],
    ]
    for (const address of others) {
      const answer = await asked({ ...WEB, redirect_uri: address })
      assert.deepEqual([answer.status, answer.headers.get('location')], [400, null], address)
    }
    const twice = await authorisation(system, WEB)
    twice.url.searchParams.append('redirect_uri', 'https://evil.example/callback')
    assert.equal((await newBrowser().go(twice.url.href)).status, 400)
    for (const client_id of ['web-shop', 'two-doors'])
      assert.equal((await asked({ client_id, redirect_uri: undefined })).status, 400, `${client_id} without an address`)
  })

  it('a code for one address of a client is refused with another of them', async () => {
    const { checks, code } = await codeFor({ client_id: 'two-doors', redirect_uri: 'https://a.example/callback' })
    const basic = { authorization: `Basic ${Buffer.from(`two-doors:${encodeURIComponent(SECRET)}`).toString('base64')}` }
    const fields = { client_id: 'two-doors', code, code_verifier: checks.pkceCodeVerifier }
    assert.deepEqual(await redeem({ ...fields, redirect_uri: 'https://b.example/callback' }, basic), [400, 'invalid_grant'])
  })

  it('refuses the client’s password grant, and tokens in the address', async () => {
    const answer = await redeem({ grant_type: 'password', username: email, password: PASSWORD })
    assert.deepEqual(answer, [400, 'unsupported_grant_type'])
    const { config, callback, checks } = await codeFor()
    const tokens = await oidc.authorizationCodeGrant(config, callback, checks)
    assert.equal((await fetch(`${system.issuer}/me?access_token=${tokens.access_token}`)).status, 401)
    await assert.rejects(oidc.refreshTokenGrant(config, tokens.access_token), isOAuthError('invalid_grant'))
  })
})

/** The challenge of a verifier, which must not do in its place. */
const digest = ({ pkceCodeVerifier }: Authorisation['checks']): Promise<string> => oidc.calculatePKCECodeChallenge(pkceCodeVerifier)

/** Why openid-client refuses an answer, it says in the cause. */
const isCausedBy =
  (reason: RegExp) =>
  ({ cause }: Error): boolean =>
    reason.test(String(cause))
