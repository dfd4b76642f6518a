import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import { Inject, Injectable } from '@nestjs/common'
import { idOf, isId, newId, uuidOf, type UserId } from '@catamaran/contracts'
import type { Outcome } from '@catamaran/messaging'
import { AppError } from '@catamaran/platform'
import { CLOCK, type Clock } from '../config.js'
import { hashOfLink } from '../mail/link.js'
import { MailRepository } from '../mail/mail.repository.js'
import { MailWorker } from '../mail/mail.worker.js'
import { SessionsService } from '../sessions/sessions.service.js'
import { documentOf } from './export-document.js'
import { ExportsRepository, type DueExport, type ExportRow } from './exports.repository.js'
import type { Export, ExportId } from './exports.schema.js'
import { PeopleClient } from './people.client.js'
import { PersonRepository } from './person.repository.js'

const LIFE_MS = 24 * 3_600_000
const PER_DAY = 3
const ACTION = 'export'

const exportOf = ({ id, requestedAt, readyAt, expiresAt }: ExportRow): Export => ({
  id,
  status: readyAt === null ? 'pending' : 'ready',
  requestedAt: requestedAt.toISOString(),
  readyAt: readyAt?.toISOString() ?? null,
  expiresAt: expiresAt.toISOString(),
})

/**
 * Exports of all that is held of a person. A mailed link opens one without sign-in, once and for a day: the address could reset the password just as
 * well. Not where a second factor stands beside it: that mail has no link, and the content is for who has signed in just now.
 */
@Injectable()
export class ExportsService {
  constructor(
    private readonly repository: ExportsRepository,
    private readonly person: PersonRepository,
    private readonly people: PeopleClient,
    private readonly sessions: SessionsService,
    private readonly mails: MailRepository,
    private readonly mailWorker: MailWorker,
    @Inject(CLOCK) private readonly now: Clock,
  ) {}

  /** Asks for an export, once for a key; while one is pending, that one. @throws AppError identity.account-closed, request.rate-limited */
  request(userId: UserId, key?: string): Promise<Outcome<Export, Export>> {
    return this.repository.once({ caller: userId, operation: 'exports.request', key, request: {} }, async (tx) => {
      if (!(await this.repository.lockUser(tx, userId))) throw new AppError('identity.account-closed')
      const pending = await this.repository.findPending(tx, userId)
      if (pending !== undefined) return exportOf(pending)
      const { count, waitS } = await this.repository.countOfDay(tx, userId)
      if (count >= PER_DAY) throw new AppError('request.rate-limited', { retryAfterS: waitS, detail: `At most ${PER_DAY} exports a day.` })
      return exportOf(await this.repository.insert(tx, newId('export'), userId, LIFE_MS))
    })
  }

  /** @throws AppError identity.export-not-found, also for somebody else's */
  async read(userId: UserId, id: ExportId): Promise<Export> {
    const row = await this.repository.find(id, userId)
    if (row === undefined) throw new AppError('identity.export-not-found')
    return exportOf(row)
  }

  /** The export that was asked for last, if it is still there. */
  async findNewest(userId: UserId): Promise<Export | undefined> {
    const row = await this.repository.findNewest(userId)
    return row && exportOf(row)
  }

  /** The gzipped JSON. @throws AppError identity.export-not-found, identity.export-pending */
  async readContent(userId: UserId, id: ExportId): Promise<Buffer> {
    const { status } = await this.read(userId, id)
    const content = status === 'ready' ? await this.repository.findContent(undefined, id, userId) : undefined
    if (content === undefined) throw new AppError('identity.export-pending')
    return content
  }

  /** The gzipped JSON that a mailed link stands for; uses the link up. Undefined when it is not good (any more). */
  takeByLink(secret: string): Promise<Buffer | undefined> {
    return this.repository.transaction(async (tx) => {
      const action = await this.mails.takeAction(tx, hashOfLink(secret), ACTION, new Date(this.now()))
      const id = action?.data['exportId'] ?? ''
      if (action?.userId === undefined || !isId('export', id)) return undefined
      return this.repository.findContent(tx, id, idOf('user', action.userId))
    })
  }

  /** Takes one that is due, for as long as the lease lasts. */
  takeDue(leaseMs: number): Promise<DueExport | undefined> {
    return this.repository.takeDue(leaseMs)
  }

  putOff(due: DueExport, byMs: number): Promise<void> {
    return this.repository.putOff(due, byMs)
  }

  /** Gathers an export, stores it, and has a mail sent. @throws AppError when another service can't be asked, or `signal` ends it */
  async gather(due: DueExport, signal: AbortSignal): Promise<void> {
    const account = await this.person.find(due.userId)
    if (account === undefined) return
    const sessions = await this.sessions.list(due.userId, undefined)
    const text = documentOf({ ...account, sessions }, new Date(this.now()), this.people.pagesOf(due.userId))
    const chunks: Buffer[] = []
    for await (const chunk of Readable.from(text, { signal }).compose(createGzip(), { signal })) chunks.push(chunk as Buffer)
    await this.repository.transaction(async (tx) => {
      const recipient = await this.repository.markReady(tx, due, Buffer.concat(chunks), LIFE_MS)
      if (recipient === undefined) return
      if (recipient.hasSecondFactor) return this.mails.insertMail(tx, { kind: 'export_ready_signed_in', recipient: recipient.email })
      const actionId = randomUUID()
      const action = { id: actionId, kind: ACTION, userId: uuidOf(due.userId), data: { exportId: due.id } }
      await this.mails.insertAction(tx, action, new Date(this.now() + LIFE_MS))
      return this.mails.insertMail(tx, { kind: 'export_ready', recipient: recipient.email, actionId })
    })
    this.mailWorker.wake()
  }
}
