import { setTimeout as delay } from 'node:timers/promises'
import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { causesOf, LOGGER, type Logger } from '@catamaran/platform'
import { createTransport, type Transporter } from 'nodemailer'
import { CONFIG, type Config } from '../config.js'
import { newLink } from './link.js'
import { MailRepository, type MailRow } from './mail.repository.js'
import { hasLink, mailTextOf } from './mail.texts.js'

const AT_ONCE = 5
const SMTP_TIMEOUT_MS = 10_000
const LEASE_MS = 60_000
const ATTEMPTS = 12
/** Of one kind to one recipient. Whoever asks too often for somebody's address is not to keep its owner from a mail. */
const PER_HOUR = { ofSource: 10, all: 50 }
const POLL_MS = { busy: 500, idle: 5_000 }

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

const backoffMs = (attempts: number): number => Math.min(1_000 * 2 ** attempts, 3_600_000)

/**
 * Sends the mail that waits in PostgreSQL, at least once: a process that dies after sending and before saying so leaves the row to the next,
 * with a new link that works beside the old one. Woken by who queues; polling finds the rest.
 */
@Injectable()
export class MailWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly transport: Transporter
  /** Where the public sees this service. */
  private readonly publicUrl: string
  private running: Promise<void> = Promise.resolve()
  private stopped = false
  private asked = false
  private sleeping = new AbortController()

  constructor(
    private readonly repository: MailRepository,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CONFIG) config: Config,
  ) {
    const { smtpUrl, allowPlain, from } = config.mail
    this.publicUrl = new URL(config.service.issuer).origin
    // Mail holds secret links: beyond this machine it never goes in clear, unless a sandbox's operator says so.
    const requireTLS = !allowPlain && !LOOPBACK.test(new URL(smtpUrl).hostname)
    this.transport = createTransport(
      { url: smtpUrl, requireTLS, connectionTimeout: SMTP_TIMEOUT_MS, greetingTimeout: SMTP_TIMEOUT_MS, socketTimeout: SMTP_TIMEOUT_MS },
      { from },
    )
  }

  onApplicationBootstrap(): void {
    this.running = this.run()
  }

  /** Finishes the mails in hand, while the database is still there. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true
    this.sleeping.abort()
    await this.running
    this.transport.close()
  }

  /** Looks for mail now. */
  wake(): void {
    this.asked = true
    this.sleeping.abort()
  }

  private async run(): Promise<void> {
    let idleMs = POLL_MS.busy
    while (!this.stopped) {
      this.asked = false
      const sent = await this.sendDue().catch((error: unknown) => {
        this.logger.warn({ causes: causesOf(error) }, 'mail waits for the database')
        return 0
      })
      idleMs = sent > 0 ? POLL_MS.busy : Math.min(idleMs * 2, POLL_MS.idle)
      if (sent < AT_ONCE) await this.sleep(idleMs)
    }
  }

  private async sleep(ms: number): Promise<void> {
    this.sleeping = new AbortController()
    if (this.asked || this.stopped) return
    await delay(ms, undefined, { signal: this.sleeping.signal }).catch(() => undefined)
  }

  private async sendDue(): Promise<number> {
    const rows = await this.repository.takeDue(AT_ONCE, LEASE_MS)
    await Promise.all(rows.map((row) => this.send(row)))
    return rows.length
  }

  private async send(row: MailRow): Promise<void> {
    const isTooMuch = row.recentOfSource >= PER_HOUR.ofSource || row.recent >= PER_HOUR.all
    const mail = isTooMuch ? undefined : await this.textOf(row)
    if (mail === undefined) return this.repository.finish(row.id, 'dropped')
    try {
      await this.transport.sendMail({ to: row.recipient, subject: mail.subject, text: mail.text })
    } catch (error) {
      return this.putOff(row, error)
    }
    await this.repository.finish(row.id, 'sent')
    this.logger.info({ mailId: row.id, kind: row.kind, attempts: row.attempts }, 'mail sent')
  }

  /** The text with a link of its own; undefined when what the link was for is gone. */
  private async textOf(row: MailRow): Promise<ReturnType<typeof mailTextOf> | undefined> {
    const { secret, hash } = newLink()
    if (hasLink(row.kind) && !(await this.repository.insertLink(hash, row))) return undefined
    return mailTextOf(row.kind, this.publicUrl, secret, row.details)
  }

  private async putOff({ id, attempts }: MailRow, error: unknown): Promise<void> {
    const isLast = attempts >= ATTEMPTS
    // What a server says of a recipient holds the address: only its codes are told.
    const { code, responseCode, command } = error as { code?: string; responseCode?: number; command?: string }
    const fields = { mailId: id, attempts, failure: code, reply: responseCode, command: command?.split(' ')[0] }
    this.logger[isLast ? 'error' : 'warn'](fields, isLast ? 'mail given up' : 'mail put off')
    if (isLast) await this.repository.finish(id, 'failed')
    else await this.repository.putOff(id, backoffMs(attempts))
  }
}
