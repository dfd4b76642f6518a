import assert from 'node:assert/strict'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, describe, it } from 'node:test'
import { Addresses, type Resolve } from '../src/webhooks/addresses.js'
import { Sender } from '../src/webhooks/sender.js'

const at = (address: string) => ({ address, family: 4 as const })

describe('the sender of webhooks', () => {
  let server: Server
  let port: number
  let requests = 0
  let connections = 0
  let answer: (response: ServerResponse) => void
  const senders: Sender[] = []

  before(async () => {
    server = createServer((request, response) => {
      requests++
      request.resume().on('end', () => answer(response))
    }).on('connection', () => connections++)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  })
  afterEach(async () => {
    await Promise.all(senders.splice(0).map((sender) => sender.close()))
    server.closeAllConnections()
    requests = connections = 0
  })
  after(() => void server.close())

  /** A sender whose names stand for what `resolve` says. */
  const sending = (resolve: Resolve, { allowedNetworks = ['127.0.0.1'], timeoutMs = 2_000 } = {}) => {
    const sender = new Sender({ addresses: new Addresses({ allowHttp: true, allowedNetworks }, resolve), timeoutMs })
    senders.push(sender)
    return (scheme = 'http', host = 'shop.example') =>
      sender.send({ url: `${scheme}://${host}:${port}/hooks?a=b`, headers: {}, body: '{}' })
  }
  const here: Resolve = () => Promise.resolve([at('127.0.0.1')])

  it('goes to the address that a name stands for, over connections that are kept', async () => {
    answer = (response) => void response.writeHead(200).end('thanks')
    const send = sending(here)
    for (let index = 0; index < 8; index++) assert.equal((await send()).failure, undefined)
    assert.equal(requests, 8)
    assert.ok(connections <= 2)
  })

  it('does not connect when a name that was good stands for an address inside by now (DNS rebinding)', async () => {
    answer = (response) => void response.writeHead(200, { connection: 'close' }).end()
    const answers = [[at('127.0.0.1')], [at('127.0.0.2')], [at('127.0.0.1'), at('10.0.0.1')]]
    const send = sending(() => Promise.resolve(answers.shift() ?? []))
    assert.equal((await send()).failure, undefined)
    assert.equal((await send()).failure, 'address_refused')
    assert.equal((await send()).failure, 'address_refused')
    assert.equal((await send()).failure, 'address_refused')
    assert.deepEqual([requests, connections], [1, 1])
  })

  it('refuses an address that stands in the URL itself, although no name is looked up', async () => {
    const send = sending(here, { allowedNetworks: [] })
    for (const host of ['127.0.0.1', '2130706433', '0x7f.1', '[::1]', '[::ffff:127.0.0.1]'])
      assert.equal((await send('http', host)).failure, 'address_refused')
    assert.equal(connections, 0)
  })

  it('reads no more than a KiB, nor longer than a second, of an answer that does not end', async () => {
    answer = (response) => {
      response.writeHead(200)
      const chunk = Buffer.alloc(64 * 1024, 'x')
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
        response.once('drain', more)
      }
      more()
    }
    const endless = await sending(here)()
    assert.deepEqual([endless.failure, endless.response?.body], [undefined, 'x'.repeat(1_024)])
    assert.ok(endless.durationMs < 1_000)
    answer = (response) => void response.writeHead(201).write('begun')
    const slow = await sending(here, { timeoutMs: 10_000 })()
    assert.deepEqual([slow.failure, slow.response?.status, slow.response?.body], [undefined, 201, 'begun'])
    assert.ok(slow.durationMs < 5_000)
  })

  it('names what went wrong without a word of the error’s own', async () => {
    answer = () => undefined
    assert.equal((await sending(here, { timeoutMs: 100 })()).failure, 'timeout')
    answer = (response) => void response.socket?.destroy()
    assert.equal((await sending(here)()).failure, 'connection_closed')
    answer = (response) => void response.writeHead(200, { 'x-large': 'x'.repeat(9_000) }).end()
    assert.equal((await sending(here)()).failure, 'answer_malformed')
    assert.equal((await sending(here)('https')).failure, 'tls')
    const nowhere: Resolve = () => Promise.reject(Object.assign(new Error('queryA ENOTFOUND'), { code: 'ENOTFOUND' }))
    assert.equal((await sending(nowhere)()).failure, 'name_not_resolved')
    for (const [status, failure] of [
      [200, undefined],
      [204, undefined],
      [302, 'redirect'],
      [404, 'status'],
      [500, 'status'],
    ] as const) {
      answer = (response) => void response.writeHead(status, { location: '/elsewhere' }).end()
      assert.equal((await sending(here)()).failure, failure)
    }
  })
})
