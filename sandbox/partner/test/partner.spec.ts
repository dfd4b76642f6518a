import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { createPartner } from '../src/partner.js'
import type { Received } from '../src/received.js'

const secretOf = (): string => `whsec_${randomBytes(32).toString('base64')}`

describe('the sandbox partner', () => {
  const folder = mkdtempSync(join(tmpdir(), 'catamaran-partner-'))
  const secret = secretOf()
  let partner: ReturnType<typeof createPartner>
  let url: string

  const start = async (): Promise<void> => {
    partner = createPartner({ folder, secrets: [secret] })
    await once(partner.server.listen(0, '127.0.0.1'), 'listening')
    url = `http://127.0.0.1:${(partner.server.address() as AddressInfo).port}`
  }
  const stop = async (): Promise<void> => {
    const closed = once(partner.server, 'close')
    partner.close()
    await closed
  }
  before(start)
  after(async () => {
    await stop()
    rmSync(folder, { recursive: true })
  })

  let webhooks = 0
  const body = JSON.stringify({ type: 'fulfilment.created', timestamp: '2026-01-01T00:00:00Z', data: { note: '<b>' } })
  const post = (by: string, { id = `evt_${++webhooks}`, text = body, at = new Date(), timeoutMs = 5_000 } = {}) =>
    fetch(`${url}/webhooks?x=1`, {
      method: 'POST',
      headers: {
        ...{ 'webhook-id': id, 'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)) },
        'webhook-signature': new Webhook(by).sign(id, at, text),
      },
      body: text,
      signal: AbortSignal.timeout(timeoutMs),
    })
  const control = (method: string, path: string, given?: unknown) =>
    fetch(`${url}/api/${path}`, { method, ...(given === undefined ? {} : { body: JSON.stringify(given) }) })
  const received = async (query = ''): Promise<Received[]> => (await (await control('GET', `received${query}`)).json()) as Received[]
  const last = async (): Promise<Received | undefined> => (await received()).at(-1)

  it('takes what its secret verifies with 204, and refuses anything else with 401, and keeps both', async () => {
    assert.equal((await post(secret, { id: 'evt_good' })).status, 204)
    const good = await last()
    assert.deepEqual(
      [good?.webhookId, good?.type, good?.isVerified, good?.reason, good?.answer, good?.path, good?.body],
      ['evt_good', 'fulfilment.created', true, null, '204', '/webhooks?x=1', body],
    )
    assert.equal((await post(secretOf())).status, 401)
    assert.equal((await post(secret, { at: new Date(Date.now() - 3_600_000) })).status, 401)
    assert.equal((await fetch(url, { method: 'POST', body: 'anything' })).status, 401)
    assert.deepEqual(
      (await received()).slice(-3).map(({ isVerified, answer, reason }) => [isVerified, answer, reason !== null]),
      Array(3).fill([false, '401', true]),
    )
  })

  it('verifies with a secret that it is told of later', async () => {
    const later = secretOf()
    assert.equal((await post(later)).status, 401)
    assert.equal((await control('POST', 'secrets', { secret: later })).status, 204)
    assert.equal((await post(later)).status, 204)
    assert.equal((await control('POST', 'secrets', { secret: 'open sesame' })).status, 400)
  })

  it('keeps all that it received over a restart, to be read page by page in the order of arrival', async () => {
    const before = await received()
    await stop()
    await start()
    assert.deepEqual(await received(), before)
    const [first, second] = before
    assert.ok(first && second)
    assert.deepEqual(await received(`?after=${first.id}&limit=1`), [second])
    assert.equal((await control('GET', 'received?limit=0')).status, 400)
  })

  it('misbehaves as it is told: fails, is gone, hangs up, is slow, or leaves without an answer', async () => {
    const answers: Record<string, string> = {}
    for (const fault of ['error', 'gone', 'close', 'slow', 'hang']) {
      assert.equal((await control('PUT', 'behaviour', { [fault]: 100, slowMs: 30 })).status, 200)
      const answer = await post(secret, { timeoutMs: 300 }).then(
        ({ status }) => String(status),
        (error: Error) => error.name,
      )
      answers[fault] = `${answer} ${(await last())?.answer}`
    }
    assert.deepEqual(answers, {
      ...{ error: '500 500', gone: '410 410', close: 'TypeError close', slow: '204 204' },
      hang: 'TimeoutError hang',
    })
    assert.equal((await control('DELETE', 'behaviour')).status, 200)
    assert.equal((await post(secret)).status, 204)
  })

  it('misbehaves for the same webhooks with the same seed, and for about as many as it is told', async () => {
    const run = async (seed: number): Promise<string[]> => {
      await control('PUT', 'behaviour', { error: 30, seed })
      const ids = Array.from({ length: 60 }, (_, index) => `evt_seed_${seed}_${index}`)
      for (const id of ids) await post(secret, { id })
      return (await received()).slice(-60).map(({ answer }) => answer)
    }
    const [one, two] = [await run(1), await run(2)]
    assert.notDeepEqual(one, two)
    const failed = one.filter((answer) => answer === '500').length
    assert.ok(failed > 5 && failed < 35)
    await control('DELETE', 'behaviour')
    for (const wrong of [{ error: 101 }, { error: 60, hang: 60 }, { mood: 1 }, [], { slowMs: -1 }])
      assert.equal((await control('PUT', 'behaviour', wrong)).status, 400)
  })

  it('shows on its page what came, verified or not, and nothing of it as markup', async () => {
    await post(secret, { id: 'evt_shown' })
    await post(secretOf(), { id: 'evt_<script>' })
    const page = await (await fetch(url)).text()
    assert.match(page, /✕ Not verified[^]*evt_&lt;script&gt;[^]*✓ Verified[^]*evt_shown/)
    assert.ok(!page.includes('<script>') && !page.includes('<b>'))
  })

  it('refuses a body of more than 1 MiB and keeps nothing of it', async () => {
    const before = await last()
    assert.equal((await fetch(url, { method: 'POST', body: 'x'.repeat(1024 * 1024 + 1) })).status, 413)
    assert.deepEqual(await last(), before)
  })

  it('answers its probe with 200 and an unknown path with 404', async () => {
    const statuses = await Promise.all(
      ['/', '/livez', '/styles.css', '/list.js', '/nothing', '/api/nothing'].map(async (path) => (await fetch(url + path)).status),
    )
    assert.deepEqual(statuses, [200, 200, 200, 200, 404, 404])
  })
})
