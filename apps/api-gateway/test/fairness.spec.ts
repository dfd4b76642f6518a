import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Plan } from '@catamaran/contracts'
import { spawnService, until } from '@catamaran/testing'
import { Agent } from 'undici'
import { ask, MAIN, startSetting, Wire, type Answer, type Setting } from './setting.js'

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
    const headers = { authorization: `Bearer ${key.text}` }
    const read = async (): Promise<number> => (await ask(`${url}/v1/products`, { headers })).status
    assert.equal(await read(), 200)
    const wire = await Wire.to(url)
    // 100 Continue says that the gateway waits for the body.
    const head = `POST /v1/orders HTTP/1.1\r\nhost: x\r\nauthorization: ${headers.authorization}\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n`
    wire.send(head)
    await until(() => wire.received.includes('100 Continue'))
    assert.equal(await read(), 429)
    wire.close()
    await until(async () => (await read()) === 200)
  })

  it('keeps connections for the others when one partner’s answers never come', async () => {
    setting.auth.plans.push({ ...PLAN, id: 'large', requestsPerSecond: 1_000, burst: 1_000 })
    const { url } = await setting.gateway({ DEADLINE_MS: '60000' })
    const [quiet, noisy] = [setting.auth.newKey(), setting.auth.newKey({ plan: 'large' })]
    const agent = new Agent({ connections: 300 })
    const read = (path: string, key: string) => ask(url + path, { headers: { authorization: `Bearer ${key}` } }, agent)
    const held: (() => void)[] = []
    setting.core.answer = ({ url: asked }, response) => {
      if (asked.includes('slow')) held.push(() => response.end('{}'))
      else response.end('{}')
    }
    try {
      await until(async () => String((await read('/v1/products', noisy.text)).headers['ratelimit-policy']).includes('q=1000;'))
      // More than the gateway has connections to an inner service.
      const statuses: number[] = []
      const noise = Array.from({ length: 300 }, async () => statuses.push((await read('/v1/slow', noisy.text)).status))
      await until(() => held.length === 128 && statuses.length === 172, { deadlineMs: 30_000 })
      assert.deepEqual(new Set(statuses), new Set([429]))
      for (let at = 0; at < 10; at++) assert.equal((await read('/v1/products', quiet.text)).status, 200)
      for (const answer of held) answer()
      await Promise.all(noise)
      assert.deepEqual(new Set(statuses.slice(172)), new Set([200]))
    } finally {
      await agent.close()
    }
  })

  it('keeps one partner quick while another asks for twenty times its limit and gets slow answers', async () => {
    setting.auth.plans.push({ ...PLAN, id: 'small', requestsPerSecond: 5, burst: 5 })
    const gateway = await spawnService(MAIN, setting.env())
    const [quiet, noisy] = [setting.auth.newKey(), setting.auth.newKey({ plan: 'small' })]
    const [quietly, noisily] = [new Agent({ connections: 2 }), new Agent({ connections: 64 })]
    setting.core.answer = ({ url: asked }, response) =>
      void (asked.includes('slow') ? setTimeout(() => response.end('{}'), 300) : response.end('{}'))
    const read = (base: string, path: string, key: string, agent: Agent) =>
      ask(base + path, { headers: { authorization: `Bearer ${key}` } }, agent)
    const statuses = new Set<number>()
    /** Medians of one request every 100 ms, half of what the plan allows; and of the same without a gateway, which is what this process takes. */
    const measure = async (count: number): Promise<{ medianMs: number; directMs: number }> => {
      const [times, direct]: [number[], number[]] = [[], []]
      for (let at = 0, due = performance.now(); at < count; at++, due += 100) {
        await until(() => performance.now() >= due)
        const startedAt = performance.now()
        statuses.add((await read(gateway.url, '/v1/products', quiet.text, quietly)).status)
        times.push(performance.now() - startedAt)
        await read(setting.core.url, '/v1/products', '', quietly)
        direct.push(performance.now() - startedAt - (times.at(-1) ?? 0))
      }
      const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(count / 2)] ?? Number.NaN
      return { medianMs: median(times), directMs: median(direct) }
    }
    let isOver = false
    let open = 0
    const noise: number[] = []
    const makeNoise = async (): Promise<void> => {
      for (let due = performance.now(); !isOver; due += 50) {
        await until(() => performance.now() >= due)
        // Twenty times the limit, or what this machine can do.
        for (let at = 0; at < 5 && open < 60; at++) {
          open++
          const count = ({ status }: Answer): void => void (noise.push(status), open--)
          void read(gateway.url, '/v1/slow', noisy.text, noisily).then(count)
        }
      }
      await until(() => open === 0)
    }
    try {
      await measure(10) // until everything is warm
      const before = await measure(20)
      const making = makeNoise()
      const during = await measure(30).finally(() => (isOver = true))
      await making
      assert.ok(noise.filter((status) => status === 429).length > noise.length / 2, 'the noisy one is held back')
      assert.deepEqual([statuses, new Set(noise)], [new Set([200]), new Set([200, 429])])
      assert.ok(
        during.medianMs < 10 * Math.max(before.medianMs, during.directMs) + 20,
        `median ${during.medianMs.toFixed(1)} ms beside the noise, ${before.medianMs.toFixed(1)} ms without, ${during.directMs.toFixed(1)} ms direct`,
      )
    } finally {
      await gateway.kill()
      await Promise.all([quietly.close(), noisily.close()])
    }
  })
})
