import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Plan } from '@catamaran/contracts'
import { until } from '@catamaran/testing'
import { Agent } from 'undici'
import { ask, startSetting, type Setting } from './setting.js'

describe('fairness', () => {
  let setting: Setting
  const PLAN: Plan = { id: 'basic', requestsPerSecond: 20, burst: 20, requestsPerDay: 1_000_000, maxApiKeys: 5, maxWebhookEndpoints: 5 }

  before(async () => {
    setting = await startSetting('fairness')
    setting.auth.plans.push(PLAN)
  })
  afterEach(() => setting.core.reset())
  after(() => setting.scope.close())

  it('lets a caller have only so many requests in hand, and takes none of these from the limit', async () => {
    const { url } = await setting.gateway({ MAX_IN_FLIGHT_PER_CALLER: '3' })
    const [busy, other] = [setting.auth.newKey(), setting.auth.newKey()]
    const held: (() => void)[] = []
    setting.core.answer = (_, response) => void held.push(() => response.end('{}'))
    const read = (key: string) => ask(`${url}/v1/products`, { headers: { authorization: `Bearer ${key}` } })
    const slow = [read(busy.text), read(busy.text), read(busy.text)]
    await until(() => held.length === 3)
    const refused = await read(busy.text)
    assert.deepEqual([refused.status, refused.json()['code'], refused.headers['retry-after']], [429, 'request.rate-limited', '1'])
    const others = read(other.text)
    await until(() => held.length === 4)
    for (const answer of held.splice(0)) answer()
    assert.deepEqual(
      (await Promise.all([...slow, others])).map(({ status }) => status),
      [200, 200, 200, 200],
    )
    setting.core.answer = (_, response) => void response.end('{}')
    const again = await until(async () => {
      const answer = await read(busy.text)
      return answer.status === 200 && answer
    })
    assert.match(String(again.headers['ratelimit']), /"day";r=999996;/, 'of five only four were counted')
  })

  it('gives the place back when a client goes before it has sent its body', async () => {
    const { url } = await setting.gateway({ MAX_IN_FLIGHT_PER_CALLER: '1' })
    const key = setting.auth.newKey()
    const gone = new AbortController()
    const headers = { authorization: `Bearer ${key.text}` }
    const never = new Readable({ read: () => undefined })
    never.push('x')
    const sent = ask(`${url}/v1/orders`, { method: 'POST', headers, body: never, signal: gone.signal }).catch(() => undefined)
    await until(async () => (await ask(`${url}/v1/products`, { headers })).status === 429)
    gone.abort()
    await sent
    await until(async () => (await ask(`${url}/v1/products`, { headers })).status === 200)
  })

  it('keeps one partner quick while another asks for twenty times its limit and gets slow answers', async () => {
    const { url } = await setting.gateway({ RATE_LIMIT_WAIT_MS: '2000' })
    const [quiet, noisy] = [setting.auth.newKey(), setting.auth.newKey()]
    const [quietly, noisily] = [new Agent({ connections: 2 }), new Agent({ connections: 256 })]
    setting.core.answer = ({ url: asked }, response) =>
      void (asked.includes('slow') ? setTimeout(() => response.end('{}'), 300) : response.end('{}'))
    const read = (path: string, key: string, agent: Agent) => ask(url + path, { headers: { authorization: `Bearer ${key}` } }, agent)
    /** One request every 100 ms, which is half of what the plan allows. */
    const measure = async (count: number): Promise<{ medianMs: number; statuses: number[] }> => {
      const times: number[] = []
      const statuses: number[] = []
      for (let at = 0, due = performance.now(); at < count; at++, due += 100) {
        await until(() => performance.now() >= due)
        const startedAt = performance.now()
        statuses.push((await read('/v1/products', quiet.text, quietly)).status)
        times.push(performance.now() - startedAt)
      }
      return { medianMs: times.toSorted((a, b) => a - b)[Math.floor(count / 2)] ?? NaN, statuses: [...new Set(statuses)] }
    }
    try {
      await measure(10) // until everything is warm
      const before = await measure(20)
      let isOver = false
      let open = 0
      const noise: Promise<number>[] = []
      const makeNoise = async (): Promise<void> => {
        for (let due = performance.now(); !isOver; due += 50) {
          await until(() => performance.now() >= due)
          // Twenty times the limit, or what this machine can do.
          for (let at = 0; at < 20 && open < 200; at++) {
            open++
            noise.push(read('/v1/slow', noisy.text, noisily).then(({ status }) => (open--, status)))
          }
        }
      }
      const making = makeNoise()
      const during = await measure(30)
      isOver = true
      await making
      const noisyStatuses = await Promise.all(noise)
      assert.ok(noisyStatuses.filter((status) => status === 429).length > noisyStatuses.length / 2, 'the noisy one is held back')
      assert.deepEqual(new Set(noisyStatuses), new Set([200, 429]))
      assert.deepEqual([before.statuses, during.statuses], [[200], [200]])
      assert.ok(
        during.medianMs < before.medianMs * 10 + 20,
        `median ${during.medianMs.toFixed(1)} ms beside the noise, ${before.medianMs.toFixed(1)} ms without`,
      )
    } finally {
      await Promise.all([quietly.close(), noisily.close()])
    }
  })
})
