import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createTransport, type SendMailOptions, type Transporter } from 'nodemailer'
import { createHttp } from '../src/http.js'
import { Mailbox } from '../src/mailbox.js'
import type { Message } from '../src/message.js'
import { createSmtp } from '../src/smtp.js'

const closing = new AbortController()
let folder: string
let mailbox: Mailbox
let url: string
let transport: Transporter
let stop: () => void

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailbox-'))
  mailbox = await Mailbox.open(folder)
  const smtp = createSmtp(mailbox)
  const http = createHttp(mailbox, closing.signal)
  await Promise.all([once(smtp.listen(0, '127.0.0.1'), 'listening'), once(http.listen(0, '127.0.0.1'), 'listening')])
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  transport = createTransport({ host: '127.0.0.1', port: (smtp.server.address() as AddressInfo).port })
  stop = () => {
    smtp.close()
    http.close()
    http.closeAllConnections()
  }
})
after(async () => {
  stop()
  await rm(folder, { recursive: true })
})
afterEach(() => mailbox.clear())

const mail = (rest: SendMailOptions = {}): SendMailOptions => ({
  from: 'Catamaran <no-reply@catamaran.local>',
  to: 'ada@example.com',
  subject: 'Confirm your address',
  text: 'Hello',
  ...rest,
})
const messages = async (query = '') => (await (await fetch(`${url}/api/messages${query}`)).json()) as Message[]
const text = async (path: string) => (await fetch(url + path)).text()
const nextTo = (address: string) => messages(`?to=${address}&waitMs=10000`)

test('a mail is shown by the API with its sender, recipients, subject, both parts and every link once', async () => {
  await transport.sendMail(
    mail({
      bcc: 'hidden@example.com',
      subject: 'Bestätigen – grüße',
      text: 'Open https://shop.test/verify?token=a&b=1. Or (https://shop.test/help)!',
      html: '<a href="https://shop.test/verify?token=a&amp;b=1">Confirm</a> <a href="javascript:x">no</a> <a href=\'https://shop.test/html\'>c</a>',
    }),
  )
  const [message] = await messages()
  assert.ok(message)
  const { id, receivedAt, ...rest } = message
  assert.match(id, /^[0-9a-z]{9}$/)
  assert.ok(Math.abs(Date.parse(receivedAt) - Date.now()) < 60_000)
  assert.deepEqual(
    { ...rest, text: rest.text.trim(), html: rest.html?.length },
    {
      from: 'Catamaran <no-reply@catamaran.local>',
      to: ['ada@example.com', 'hidden@example.com'],
      subject: 'Bestätigen – grüße',
      text: 'Open https://shop.test/verify?token=a&b=1. Or (https://shop.test/help)!',
      html: 132,
      links: ['https://shop.test/verify?token=a&b=1', 'https://shop.test/help', 'https://shop.test/html'],
    },
  )
})

test('a waiting poll is answered by the mail that arrives for its address and by no other', async () => {
  const waiting = nextTo('Ada@Example.com')
  await transport.sendMail(mail({ to: 'bob@example.com', subject: 'not this' }))
  await transport.sendMail(mail({ subject: 'this' }))
  const found = await waiting
  assert.deepEqual(
    found.map(({ subject }) => subject),
    ['this'],
  )
  await transport.sendMail(mail({ subject: 'later' }))
  const later = await messages(`?to=ada@example.com&after=${found[0]?.id}&waitMs=10000`)
  assert.deepEqual(
    later.map(({ subject }) => subject),
    ['later'],
  )
})

test('a poll without a match ends with an empty list after waitMs', async () => {
  const since = performance.now()
  assert.deepEqual(await messages('?to=nobody@example.com&waitMs=60'), [])
  assert.ok(performance.now() - since >= 50)
})

test('a waitMs that is no number or above a minute is refused with 400', async () => {
  for (const waitMs of ['soon', '-1', '60001']) assert.equal((await fetch(`${url}/api/messages?waitMs=${waitMs}`)).status, 400)
})

test('deleting all leaves neither a mail nor a file', async () => {
  await transport.sendMail(mail())
  assert.equal((await readdir(folder)).length, 1)
  assert.equal((await fetch(`${url}/api/messages`, { method: 'DELETE' })).status, 204)
  assert.deepEqual(await messages(), [])
  assert.deepEqual(await readdir(folder), [])
})

test('mails of the folder are there again after a restart, and newer ones sort behind them', async () => {
  await transport.sendMail(mail({ subject: 'first' }))
  const again = await Mailbox.open(folder)
  const [first] = again.list()
  assert.equal(first?.subject, 'first')
  const second = await again.add({ from: 'a@b.c', to: ['d@e.f'], subject: 'second', text: '', links: [] })
  assert.ok(second.id > first.id)
  assert.deepEqual(
    again.list({ after: first.id }).map(({ subject }) => subject),
    ['second'],
  )
  await again.clear()
})

test('of more than 1,000 mails the oldest are dropped', async () => {
  const full = await Mailbox.open()
  for (let n = 1; n <= 1_002; n++) await full.add({ from: 'a@b.c', to: ['d@e.f'], subject: String(n), text: '', links: [] })
  const subjects = full.list().map(({ subject }) => Number(subject))
  assert.deepEqual([subjects.length, subjects[0], subjects.at(-1)], [1_000, 3, 1_002])
})

test('a mail of more than 1 MiB is refused with 552', async () => {
  await assert.rejects(transport.sendMail(mail({ text: `${'x'.repeat(70)}\n`.repeat(20_000) })), { responseCode: 552 })
  assert.deepEqual(await messages(), [])
})

test('the pages escape what the mail says and make its links clickable', async () => {
  await transport.sendMail(mail({ subject: '<script>alert(1)</script>', text: 'See <b> https://shop.test/x?a=1&b="2' }))
  const [message] = await messages()
  const [list, page] = await Promise.all([text('/'), text(`/messages/${message?.id}`)])
  for (const html of [list, page]) {
    assert.ok(html.includes('&lt;script&gt;alert(1)&lt;/script&gt;'))
    assert.ok(!html.includes('<script>alert'))
  }
  assert.ok(page.includes('See &lt;b&gt; <a href="https://shop.test/x?a=1&amp;b=" rel="noreferrer">'))
  assert.ok(!page.includes('<iframe'))
})

test('the HTML part is served for a sandboxed frame, without scripts or outside content', async () => {
  await transport.sendMail(mail({ html: '<p>Hi</p><script>x</script>' }))
  const [message] = await messages()
  const page = await text(`/messages/${message?.id}`)
  assert.match(page, /<iframe src="\/messages\/[0-9a-z]+\/html" title="[^"]+" sandbox="allow-popups allow-popups-to-escape-sandbox">/)
  const part = await fetch(`${url}/messages/${message?.id}/html`)
  assert.equal(await part.text(), '<base target="_blank"><p>Hi</p><script>x</script>\n')
  const policy = part.headers.get('content-security-policy') ?? ''
  assert.match(policy, /default-src 'none'/)
  assert.match(policy, /sandbox allow-popups/)
  assert.doesNotMatch(policy, /allow-scripts|script-src|allow-same-origin/)
})

test('an unknown mail is 404, another method 405, the probe 200', async () => {
  assert.equal((await fetch(`${url}/messages/000000000`)).status, 404)
  assert.equal((await fetch(url, { method: 'POST' })).status, 405)
  assert.equal((await fetch(`${url}/livez`)).status, 200)
})

test('SIGTERM ends the process with exit code 0, also while a poll waits and a mail client is connected', async () => {
  const [port, smtpPort] = await Promise.all([freePort(), freePort()])
  const main = fileURLToPath(new URL('../src/main.js', import.meta.url))
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env['PATH'], PORT: String(port), SMTP_PORT: String(smtpPort) },
    stdio: 'inherit',
  })
  const exited = once(child, 'exit')
  await until(() => fetch(`http://127.0.0.1:${port}/livez`).then(({ ok }) => ok))
  const idle = createTransport({ host: '127.0.0.1', port: smtpPort, pool: true })
  await idle.sendMail(mail({ to: 'x@example.com' }))
  const waiting = fetch(`http://127.0.0.1:${port}/api/messages?to=nobody@example.com&waitMs=30000`)
  await until(async () => ((await (await fetch(`http://127.0.0.1:${port}/api/messages`)).json()) as Message[]).length === 1)
  const since = performance.now()
  child.kill('SIGTERM')
  assert.deepEqual(await (await waiting).json(), [])
  assert.deepEqual(await exited, [0, null])
  assert.ok(performance.now() - since < 2_000)
  idle.close()
})

async function freePort(): Promise<number> {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function until(isTrue: () => Promise<boolean>, withinMs = 10_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await isTrue().catch(() => false))) {
    if (performance.now() > deadline) throw new Error('The condition did not become true in time')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
