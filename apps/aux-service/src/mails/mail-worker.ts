import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { idOf, OrdersForMail } from '@catamaran/contracts'
import { causesOf, HttpClient, LOGGER, Repeating, type Logger } from '@catamaran/platform'
import { createTransport, type Transporter } from 'nodemailer'
import { CONFIG, CORE, type Config } from '../config.js'
import { PeopleRepository } from '../people/people.repository.js'
import { PreferencesRepository } from '../notifications/preferences.repository.js'
import { MailsRepository, type MailRow } from './mails.repository.js'
import { mailTextOf } from './mail-texts.js'

const AT_ONCE = 10
/** Kept for the next mails: a new one costs more than the mail. */
const CONNECTIONS = 3
const SMTP_TIMEOUT_MS = 10_000
const TIMEOUTS = { connectionTimeout: SMTP_TIMEOUT_MS, greetingTimeout: SMTP_TIMEOUT_MS, socketTimeout: SMTP_TIMEOUT_MS }
/** The longest that one mail may take; the lease outlasts it. */
const SEND_MS = 30_000
const LEASE_MS = 60_000
const MOST_WAIT_MS = 3_600_000
/** How long a mail is tried (RFC 5321, section 4.5.4.1). */
const GIVE_UP_MS = 5 * 24 * 3_600_000

/** The commands whose refusal concerns the mail. What a server says to STARTTLS or AUTH is for us to mend, and no reason to lose a mail. */
const OF_THE_MAIL = /^(MAIL|RCPT|DATA)/
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

/** A mail that is written, but not sent. */
interface Letter {
  readonly row: MailRow
  readonly address: string
  readonly text: NonNullable<ReturnType<typeof mailTextOf>>
}

/**
 * Sends the mails that wait, at least once: a process that dies after sending and before saying so leaves the mail to the next, which sends it
 * with the same Message-ID. What mails say of their orders, and to whom, is asked of core-service then, for all in hand at once.
 */
@Injectable()
export class MailWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly transport: Transporter
  private readonly rounds: Repeating
  private isStopped = false

  constructor(
    private readonly repository: MailsRepository,
    private readonly preferences: PreferencesRepository,
    private readonly people: PeopleRepository,
    @Inject(CORE) private readonly core: HttpClient,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    const { smtpUrl, allowPlain, from, pollMs } = config.mail
    // Addresses and orders are the buyer's affair: beyond this machine they never go in clear, unless a sandbox's operator says so.
    const requireTLS = !allowPlain && !LOOPBACK.test(new URL(smtpUrl).hostname)
    this.transport = createTransport({ ...{ url: smtpUrl, requireTLS, pool: true, maxConnections: CONNECTIONS }, ...TIMEOUTS }, { from })
    this.rounds = new Repeating({
      everyMs: pollMs,
      round: () => this.round(),
      failed: (error) => this.logger.warn({ causes: causesOf(error) }, 'mails wait for the database'),
    })
  }

  onApplicationBootstrap(): void {
    this.rounds.start()
  }

  /** Finishes the mails in hand, while the database is still there. */
  async beforeApplicationShutdown(): Promise<void> {
    this.isStopped = true
    await this.rounds.stop()
    this.transport.close()
  }

  private async round(): Promise<void> {
    while (!this.isStopped) {
      const rows = await this.repository.takeDue(AT_ONCE, LEASE_MS)
      if (rows.length > 0) await this.handle(rows)
      if (rows.length < AT_ONCE) break
    }
  }

  private async handle(rows: readonly MailRow[]): Promise<void> {
    let letters: readonly Letter[]
    try {
      letters = await this.write(rows)
      const isWritten = new Set(letters.map(({ row }) => row))
      await this.end(
        rows.filter((row) => !isWritten.has(row)),
        'dropped',
      )
    } catch (error) {
      return void (await Promise.all(rows.map((row) => this.putOff(row, error))))
    }
    const sent = await Promise.all(letters.map((letter) => this.send(letter)))
    await this.end(sent.flat(), 'sent')
  }

  /** What is to be sent: nothing where nobody wants it, or there is nothing to tell any more. */
  private async write(rows: readonly MailRow[]): Promise<Letter[]> {
    const ids = [...new Set(rows.map(({ orderId }) => idOf('order', orderId)))]
    const found = await this.core.call({ path: '/internal/orders', query: { ids: ids.join() }, answer: OrdersForMail })
    const addressed = new Map(found.filter(({ email }) => email !== null).map((order) => [order.id, order]))
    if (addressed.size === 0) return []
    const buyers = [...addressed.values()].map(({ buyerId }) => buyerId)
    const [closed, unwilling] = await Promise.all([this.people.findClosed(buyers), this.preferences.findUnwilling(buyers)])
    return rows.flatMap((row) => {
      const order = addressed.get(idOf('order', row.orderId))
      if (order === undefined || closed.has(order.buyerId) || unwilling.has(order.buyerId)) return []
      const text = mailTextOf(row, order)
      return text === undefined ? [] : [{ row, address: order.email as string, text }]
    })
  }

  /** @returns the mail, unless it was put off */
  private async send({ row, address, text }: Letter): Promise<MailRow[]> {
    const messageId = `<${idOf('event', row.id)}@catamaran>`
    try {
      await inTime(this.transport.sendMail({ to: { name: '', address }, messageId, ...text }))
      return [row]
    } catch (error) {
      await this.putOff(row, error)
      return []
    }
  }

  private async end(rows: readonly MailRow[], outcome: 'sent' | 'dropped'): Promise<void> {
    await this.repository.finish(rows, outcome)
    for (const { id, kind, attempts } of rows) this.logger.info({ mailId: id, kind, attempts }, `mail ${outcome}`)
  }

  private async putOff(row: MailRow, error: unknown): Promise<void> {
    // What a server says of a recipient holds the address: only its codes are told.
    const { code, responseCode, command } = error as { code?: string; responseCode?: number; command?: string }
    const isRefused = responseCode !== undefined && responseCode >= 500 && OF_THE_MAIL.test(command ?? '')
    const isLast = isRefused || row.ageMs > GIVE_UP_MS
    const fields = { mailId: row.id, kind: row.kind, attempts: row.attempts, failure: code, reply: responseCode }
    this.logger[isLast ? 'error' : 'warn']({ ...fields, command: command?.split(' ')[0] }, isLast ? 'mail given up' : 'mail put off')
    if (isLast) await this.repository.finish([row], 'failed')
    else await this.repository.putOff(row, Math.min(this.config.mail.retryMs * 2 ** Math.min(row.attempts - 1, 20), MOST_WAIT_MS))
  }
}

/** A server that goes on saying a little holds no mail beyond its lease. */
const inTime = async (sending: Promise<unknown>): Promise<void> => {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(Object.assign(new Error('the mail server took too long'), { code: 'ETIMEDOUT' })), SEND_MS)
  try {
    await Promise.race([sending, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
