import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { until } from './until.js'

/** A mail as it came: to whom, its head, and its body without quoted-printable, all parts of it. */
export interface ReceivedMail {
  readonly to: string
  readonly head: string
  readonly text: string
}

const decoded = (data: string): string => {
  const split = data.indexOf('\r\n\r\n')
  const isQuoted = /quoted-printable/i.test(data)
  const body = data.slice(split + 4)
  const plain = (text: string): string => text.replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  return Buffer.from(isQuoted ? plain(body.replace(/=\r\n/g, '')) : body, 'latin1').toString()
}

/** The other end of SMTP, without TLS: takes every mail and keeps it. `refuse` makes it answer 451 instead, as a busy server does; `refuseFor` 550, for one address. */
export class Mailbox {
  readonly mails: ReceivedMail[] = []
  refuse = false
  refuseFor: string | undefined
  /** Waited for before a mail that has come is said to be taken. */
  beforeTaken: ((mail: ReceivedMail) => Promise<void>) | undefined

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => this.talk(socket))
  }

  static async start(): Promise<Mailbox> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new Mailbox(server)
  }

  get url(): string {
    return `smtp://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  to(address: string): ReceivedMail[] {
    return this.mails.filter(({ to }) => to === address)
  }

  /** Waits for the nth mail to an address. */
  async next(address: string, count = 1): Promise<ReceivedMail> {
    await until(() => this.to(address).length >= count, { deadlineMs: 10_000, message: `mail ${count} to ${address}` })
    return this.to(address)[count - 1] as ReceivedMail
  }

  /** Waits for the nth mail to an address whose text is like this. */
  async nextLike(address: string, pattern: RegExp, count = 1): Promise<ReceivedMail> {
    const found = (): ReceivedMail[] => this.to(address).filter(({ text }) => pattern.test(text))
    await until(() => found().length >= count, { deadlineMs: 10_000, message: `mail ${count} to ${address} like ${String(pattern)}` })
    return found()[count - 1] as ReceivedMail
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.server.close(resolve))
  }

  private talk(socket: Socket): void {
    let held = ''
    let to = ''
    let isData = false
    const say = (line: string): void => void socket.write(`${line}\r\n`)
    const command = (line: string): void => {
      const verb = line.slice(0, 4).toUpperCase()
      if (verb === 'RCPT') to = /<(.*)>/.exec(line)?.[1] ?? ''
      if (verb === 'DATA') isData = true
      if (verb === 'QUIT') return void socket.end('221 bye\r\n')
      if (verb === 'STAR') return say('502 no TLS here')
      if (verb === 'DATA') return say('354 go on')
      if (verb === 'RCPT' && to === this.refuseFor) return say('550 nobody of that name')
      say(this.refuse && verb === 'MAIL' ? '451 later' : '250 ok')
    }
    socket.on('error', () => undefined)
    say('220 mailbox')
    socket.on('data', (chunk) => {
      held += chunk.toString('latin1')
      for (;;) {
        const end = held.indexOf(isData ? '\r\n.\r\n' : '\r\n')
        if (end < 0) return
        const part = held.slice(0, end)
        held = held.slice(end + (isData ? 5 : 2))
        if (!isData) {
          command(part)
          continue
        }
        isData = false
        const mail = { to, head: part.slice(0, part.indexOf('\r\n\r\n')), text: decoded(part) }
        this.mails.push(mail)
        if (this.beforeTaken === undefined) say('250 taken')
        else void this.beforeTaken(mail).then(() => say('250 taken'))
      }
    })
  }
}
