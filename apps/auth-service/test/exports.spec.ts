import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { newId, uuidOf, type PersonPage, type UserId } from '@catamaran/contracts'
import { Retention } from '@catamaran/data'
import { until } from '@catamaran/testing'
import * as oidc from 'openid-client'
import { Browser } from './browser.js'
import { authorisation, register, signIn, tokenOf } from './journey.js'
import { startAuth, type AuthSystem } from './system.js'

const PAGES = 40
const PER_PAGE = 100

describe('an export', () => {
  let system: AuthSystem
  let core: Server
  /** What core-service says: how it answers, and what it was asked. */
  let isAway = false
  const asked: { url: string; serviceToken: string }[] = []
  before(async () => {
    core = createServer((request, response) => {
      const { url = '', headers } = request
      asked.push({ url, serviceToken: String(headers['x-service-token']) })
      if (isAway) return void response.writeHead(500).end()
      const at = Number(new URL(url, 'http://core').searchParams.get('cursor') ?? 0)
      const items = Array.from({ length: PER_PAGE }, (_, index) => ({ id: `order ${at * PER_PAGE + index}`, city: 'Rotterdam' }))
      const page: PersonPage =
        at < PAGES ? { part: 'orders', items, nextCursor: String(at + 1) } : { part: 'cart', items: [], nextCursor: null }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(page))
    })
    await new Promise<void>((resolve) => core.listen(0, '127.0.0.1', resolve))
    system = await startAuth('exports', { env: { CORE_URL: `http://127.0.0.1:${(core.address() as AddressInfo).port}` } })
  })
  after(async () => {
    await system?.close()
    core.closeAllConnections()
    core.close()
  })

  const person = async () => {
    const email = await register(system)
    const { config, url, checks } = await authorisation(system, { scope: 'openid account:read account:write' })
    const browser = new Browser(system.publicUrl)
    const tokens = await oidc.authorizationCodeGrant(config, await signIn(browser, url, email), checks)
    const call = async (method: string, path: string) => {
      const headers = { authorization: `Bearer ${tokens.access_token}` }
      const response = await fetch(system.publicUrl + path, { method, headers })
      const text = await response.text()
      return { status: response.status, headers: response.headers, body: JSON.parse(text) as Record<string, unknown> }
    }
    const id = tokens.claims()?.sub as UserId
    const ask = async (): Promise<string> => {
      const { status, headers } = await call('POST', '/v1/me/export')
      assert.equal(status, 202)
      return headers.get('location') ?? ''
    }
    const ready = async (path: string) =>
      until(async () => (await call('GET', path)).body['status'] === 'ready', {
        deadlineMs: 20_000,
        message: 'the export is ready',
        everyMs: 50,
      })
    return { id, email, browser, call, ask, ready }
  }

  it('tells by mail when it is ready; the link in it works once, and no robot that opens it uses it up', async () => {
    const { id, email, ask } = await person()
    await ask()
    const link = /http\S+/.exec((await system.mailbox.next(email, 2)).text)?.[0] ?? ''
    const browser = new Browser(system.publicUrl)
    for (const _time of [1, 2]) assert.match(await (await browser.go(link)).text(), /<button type="submit">Download/)
    const file = await browser.submit('/account/export', { token: tokenOf(link) })
    assert.deepEqual([file.status, file.headers.get('content-disposition')], [200, 'attachment; filename="catamaran-export.json"'])
    assert.equal(file.headers.get('cache-control'), 'no-store')
    const content = (await file.json()) as { format: string; account: Record<string, unknown>; orders: { id: string }[]; cart: unknown[] }
    assert.deepEqual([content.format, content.account['id'], content.account['email']], ['catamaran-export/1', id, email])
    assert.deepEqual(
      content.orders.map((order) => order.id),
      Array.from({ length: PAGES * PER_PAGE }, (_, index) => `order ${index}`),
    )
    assert.deepEqual(content.cart, [])
    assert.equal((content.account['sessions'] as unknown[]).length, 1)
    assert.equal((await browser.submit('/account/export', { token: tokenOf(link) })).status, 400)
    assert.ok(asked.every(({ serviceToken }) => serviceToken.startsWith('eyJ')))
    assert.ok(asked.some(({ url }) => url.startsWith(`/internal/people/${id}?limit=100`)))
  })

  it('refuses a form that another site sent, and a link whose day is over', async () => {
    const { email, ask } = await person()
    await ask()
    const token = tokenOf((await system.mailbox.next(email, 2)).text)
    const browser = new Browser(system.publicUrl)
    assert.equal((await browser.submit('/account/export', { token }, 'https://elsewhere.example')).status, 400)
    await system.database.query("update mail_action set expires_at = now() where kind = 'export'")
    assert.equal((await browser.submit('/account/export', { token })).status, 400)
  })

  it('is read by its person alone, and holds nothing secret of the account', async () => {
    const [owner, stranger] = [await person(), await person()]
    await system.database.query(
      `insert into passkey (id, user_id, credential_id, public_key, sign_count, is_backup_eligible, is_backed_up, aaguid, name)
      values (gen_random_uuid(), $1, $2, $3, 0, false, false, gen_random_uuid(), 'My key')`,
      [uuidOf(owner.id), Buffer.from(`credential of ${owner.id}`), Buffer.from('public key')],
    )
    const path = await owner.ask()
    await owner.ready(path)
    const { status, body } = await owner.call('GET', `${path}/content`)
    assert.equal(status, 200)
    const account = body['account'] as { passkeys: Record<string, unknown>[] } & Record<string, unknown>
    assert.deepEqual(Object.keys(account.passkeys[0] ?? {}), ['id', 'name', 'transports', 'isBackedUp', 'createdAt', 'lastUsedAt'])
    const text = JSON.stringify(body)
    for (const secret of ['argon2id', Buffer.from('public key').toString('base64'), 'password']) assert.ok(!text.includes(secret), secret)
    for (const route of [path, `${path}/content`]) {
      const refused = await stranger.call('GET', route)
      assert.deepEqual([refused.status, refused.body['code']], [404, 'identity.export-not-found'])
    }
    assert.equal((await fetch(`${system.publicUrl}${path}/content`)).status, 401)
  })

  it('goes to who has a second factor without a link', async () => {
    const { id, email, ask, ready, call } = await person()
    await system.database.query('insert into totp (user_id, sealed_secret, confirmed_at) values ($1, $2, now())', [
      uuidOf(id),
      Buffer.from('sealed'),
    ])
    const path = await ask()
    await ready(path)
    const { text } = await system.mailbox.next(email, 2)
    assert.match(text, /no link/)
    assert.doesNotMatch(text, /token=/)
    assert.equal((await call('GET', `${path}/content`)).status, 200)
  })

  it('is one at a time, and three a day', async () => {
    const { call, ask, ready } = await person()
    isAway = true
    const first = await ask()
    assert.deepEqual([await ask(), await ask()], [first, first])
    const early = await call('GET', `${first}/content`)
    assert.deepEqual([early.status, early.body['code']], [409, 'identity.export-pending'])
    isAway = false
    await ready(first)
    for (const _time of [2, 3]) await ready(await ask())
    const { status, headers, body } = await call('POST', '/v1/me/export')
    assert.deepEqual([status, body['code']], [429, 'request.rate-limited'])
    assert.ok(Number(headers.get('retry-after')) > 86_000)
  })

  it('is gathered again after a failure or a crash, and the result of the last try stands', async () => {
    const { id, ask, ready } = await person()
    isAway = true
    const path = await ask()
    const attempts = async (): Promise<number> =>
      (await system.database.query<{ n: number }>('select attempts as n from person_export where user_id = $1', [uuidOf(id)])).rows[0]?.n ??
      0
    await until(async () => (await attempts()) >= 2, { deadlineMs: 20_000, message: 'it was tried twice' })
    // As a process leaves it that died with it in hand: leased for a while, then taken by the next.
    await system.database.query("update person_export set due_at = now() + interval '1 hour' where user_id = $1", [uuidOf(id)])
    isAway = false
    await system.database.query('update person_export set due_at = now() where user_id = $1', [uuidOf(id)])
    await ready(path)
  })

  it('is deleted when it expires', async () => {
    const { id, ask, ready, call } = await person()
    const path = await ask()
    await ready(path)
    await system.database.query('update person_export set expires_at = now() where user_id = $1', [uuidOf(id)])
    assert.equal((await call('GET', path)).status, 404)
    assert.equal((await call('GET', `${path}/content`)).status, 404)
    assert.equal((await call('GET', `/v1/me/export/${newId('export')}`)).status, 404)
    await system.service.app.get(Retention).round()
    assert.equal((await system.database.query('select from person_export where user_id = $1', [uuidOf(id)])).rowCount, 0)
  })

  it('is asked for and fetched on the account page too, where the account can be closed', async () => {
    const { email, browser, call } = await person()
    assert.equal((await browser.submit('/account/copy', {})).headers.get('location'), '/account?done=copy-asked')
    const download = await until(async () => /\/account\/copy\/exp_\w+/.exec(await (await browser.go('/account')).text())?.[0], {
      deadlineMs: 20_000,
      message: 'the page shows the file',
      everyMs: 50,
    })
    const file = await browser.go(download)
    assert.equal(((await file.json()) as { account: { email: string } }).account.email, email)
    const stranger = (await person()).browser
    assert.equal((await stranger.go(download)).status, 404)
    assert.match((await new Browser(system.publicUrl).go(download)).headers.get('location') ?? '', /^\/oidc\/auth\?/)

    assert.equal((await browser.submit('/account/close', {}, 'https://elsewhere.example')).status, 400)
    assert.match(await (await browser.go('/account/close')).text(), /Close your account\?/)
    assert.match(await (await browser.submit('/account/close', {})).text(), /Your account is closed/)
    assert.match((await browser.go('/account')).headers.get('location') ?? '', /^\/oidc\/auth\?/)
    assert.equal((await call('POST', '/v1/me/export')).status, 409)
  })
})
