import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { idOf, OrderForMail } from '@catamaran/contracts'
import { AppError, causesOf, HttpClient, LOGGER, Repeating, type Logger } from '@catamaran/platform'
import { createTransport, type Transporter } from 'nodemailer'
import { CONFIG, CORE, type Config } from '../config.js'
import { PeopleRepository } from '../people/people.repository.js'
import { PreferencesRepository } from '../notifications/preferences.repository.js'
import { MailsRepository, type MailRow } from './mails.repository.js'
import { mailTextOf } from './mail-texts.js'

const AT_ONCE = 5
const SMTP_TIMEOUT_MS = 10_000
/** The longest that one mail may take; the lease outlasts it. */
const SEND_MS = 30_000
const LEASE_MS = 60_000
const MOST_WAIT_MS = 3_600_000
/** How long a mail is tried (RFC 5321, section 4.5.4.1). */
const GIVE_UP_MS = 5 * 24 * 3_600_000

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

/**
 * Sends the mails that wait, at least once: a process that dies after sending and before saying so leaves the mail to the next, which sends it
 * with the same Message-ID. What a mail says of its order, and to whom, is asked of core-service then.
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
    this.transport = createTransport(
      { url: smtpUrl, requireTLS, connectionTimeout: SMTP_TIMEOUT_MS, greetingTimeout: SMTP_TIMEOUT_MS, socketTimeout: SMTP_TIMEOUT_MS },
      { from },
    )
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
      await Promise.all(rows.map((row) => this.handle(row)))
      if (rows.length < AT_ONCE) break
    }
  }

  private async handle(row: MailRow): Promise<void> {
    try {
      await this.repository.finish(row, (await this.send(row)) ? 'sent' : 'dropped')
    } catch (error) {
      await this.putOff(row, error)
    }
  }

  /** False when nobody wants it, or there is nothing to tell any more. */
  private async send(row: MailRow): Promise<boolean> {
    const order = await this.findOrder(row)
    if (order === undefined || order.email === null) return false
    const closed = await this.people.findClosed([order.buyerId])
    if (closed.has(order.buyerId) || !(await this.preferences.isMailWanted(order.buyerId))) return false
    const text = mailTextOf(row, order)
    if (text === undefined) return false
    const messageId = `<${idOf('event', row.id)}@catamaran>`
    await inTime(this.transport.sendMail({ to: { name: '', address: order.email }, messageId, ...text }))
    return true
  }

  private async findOrder({ orderId }: MailRow): Promise<OrderForMail | undefined> {
    try {
      return await this.core.call({ path: `/internal/orders/${idOf('order', orderId)}`, answer: OrderForMail })
    } catch (error) {
      if (error instanceof AppError && error.code === 'orders.not-found') return undefined
      throw error
    }
  }

  private async putOff(row: MailRow, error: unknown): Promise<void> {
    // What a server says of a recipient holds the address: only its codes are told.
    const { code, responseCode, command } = error as { code?: string; responseCode?: number; command?: string }
    const isLast = row.ageMs > GIVE_UP_MS || (responseCode !== undefined && responseCode >= 500)
    const fields = { mailId: row.id, kind: row.kind, attempts: row.attempts, failure: code, reply: responseCode }
    this.logger[isLast ? 'error' : 'warn']({ ...fields, command: command?.split(' ')[0] }, isLast ? 'mail given up' : 'mail put off')
    if (isLast) await this.repository.finish(row, 'failed')
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
