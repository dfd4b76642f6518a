import assert from 'node:assert/strict'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { createLogger } from '@catamaran/platform'
import { Flags } from '../src/index.js'

const logger = createLogger('flags-test', 'silent')

const flagOf = (key: string, value: unknown, version: number, rules: unknown[] = []) => ({
  key,
  version,
  on: true,
  variations: [value, false],
  fallthrough: { variation: 0 },
  offVariation: 0,
  targets: [],
  rules,
  prerequisites: [],
  salt: key,
})

/** The provider's side of the stream, as small as it can be. */
class Relay {
  private readonly streams = new Set<ServerResponse>()
  private readonly server: Server
  constructor(private readonly flags: Record<string, unknown>) {
    this.server = createServer((request, response) => {
      request.resume()
      if (!request.url?.startsWith('/all')) return void response.writeHead(202).end()
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      this.streams.add(response)
      this.say(response, 'put', { path: '/', data: { flags: this.flags, segments: {} } })
    })
  }
  listen = (port = 0): Promise<string> =>
    new Promise((resolve) => this.server.listen(port, '127.0.0.1', () => resolve(`http://127.0.0.1:${this.port}`)))
  get port(): number {
    return (this.server.address() as AddressInfo).port
  }
  patch(key: string, data: unknown): void {
    for (const stream of this.streams) this.say(stream, 'patch', { path: `/flags/${key}`, data })
  }
  close = (): Promise<void> => {
    this.server.closeAllConnections()
    return new Promise((resolve) => this.server.close(() => resolve()))
  }
  private say(stream: ServerResponse, event: string, data: unknown): void {
    stream.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  }
}

const until = async (condition: () => boolean, what: string): Promise<void> => {
  const deadline = Date.now() + 5_000
  while (!condition()) {
    if (Date.now() > deadline) assert.fail(`waited in vain until ${what}`)
    await delay(5)
  }
}

describe('Flags', () => {
  let relay: Relay
  let url: string
  let flags: Flags

  beforeEach(async () => {
    relay = new Relay({ 'orders.accept': flagOf('orders.accept', false, 1) })
    url = await relay.listen()
  })
  afterEach(async () => {
    flags.onApplicationShutdown()
    await relay.close()
  })

  it("has the provider's values once it has started, and the default of a flag that the provider lacks", async () => {
    flags = new Flags({ sdkKey: 'sdk-test', url, logger })
    assert.equal(flags.value('orders.accept'), true)
    await flags.onModuleInit()
    assert.equal(flags.value('orders.accept'), false)
    assert.equal(flags.value('gateway.rate-limit-factor'), 1)
  })

  it('follows a change while it runs', async () => {
    flags = new Flags({ sdkKey: 'sdk-test', url, logger })
    await flags.onModuleInit()
    const changedAt = performance.now()
    relay.patch('gateway.rate-limit-factor', flagOf('gateway.rate-limit-factor', 0.5, 2))
    await until(() => flags.value('gateway.rate-limit-factor') === 0.5, 'the new value is seen')
    assert.ok(performance.now() - changedAt < 1_000)
  })

  it('keeps the default where the provider gives a value that the flag may not take', async () => {
    flags = new Flags({ sdkKey: 'sdk-test', url, logger })
    await flags.onModuleInit()
    for (const [version, bad] of ['fast', -1, 0, Number.MAX_VALUE].entries()) {
      relay.patch('gateway.rate-limit-factor', flagOf('gateway.rate-limit-factor', bad, version + 2))
    }
    relay.patch('orders.accept', flagOf('orders.accept', true, 2))
    await until(() => flags.value('orders.accept'), 'the last change is seen')
    assert.equal(flags.value('gateway.rate-limit-factor'), 1)
  })

  it('can differ per user', async () => {
    flags = new Flags({ sdkKey: 'sdk-test', url, logger })
    await flags.onModuleInit()
    const onlyForMe = [{ id: 'r', variation: 1, clauses: [{ contextKind: 'user', attribute: 'key', op: 'in', values: ['usr_me'] }] }]
    relay.patch('orders.accept', flagOf('orders.accept', true, 2, onlyForMe))
    await until(() => flags.value('orders.accept'), 'the rule has arrived')
    assert.equal(await flags.valueFor('orders.accept', { key: 'usr_me' }), false)
    assert.equal(await flags.valueFor('orders.accept', { key: 'usr_you' }), true)
  })

  it('starts within a second on the defaults when the provider is away, and catches up when it comes', async () => {
    const { port } = relay
    await relay.close()
    flags = new Flags({ sdkKey: 'sdk-test', url, logger })
    const startedAt = performance.now()
    await flags.onModuleInit()
    assert.ok(performance.now() - startedAt < 1_000)
    assert.equal(flags.value('orders.accept'), true)
    relay = new Relay({ 'orders.accept': flagOf('orders.accept', false, 1) })
    await relay.listen(port)
    await until(() => !flags.value('orders.accept'), 'the provider is reached')
  })

  it('keeps the last known values when the provider goes away', async () => {
    flags = new Flags({ sdkKey: 'sdk-test', url, logger })
    await flags.onModuleInit()
    await relay.close()
    assert.equal(flags.value('orders.accept'), false)
    assert.equal(await flags.valueFor('orders.accept', { key: 'usr_me' }), false)
  })
})
