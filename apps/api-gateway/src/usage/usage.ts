import { randomUUID } from 'node:crypto'
import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common'
import type { PartnerId, UsageReport } from '@catamaran/contracts'
import { AppError, causesOf, contextOf, LOGGER, type Claims, type Logger } from '@catamaran/platform'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { CONFIG, type Config } from '../config.js'
import { AuthClient } from '../credentials/auth.client.js'
import { isPartner } from '../limits/caller.js'
import { OTHER, RouteNames } from './route-names.js'

/** An inner service takes 64 KiB, and an entry is at most 500 bytes. */
const MOST_IN_A_REPORT = 100
/** Kept while auth-service is away. Past the first, routes are not told apart any more; past the second, a new credential is not counted. */
const MOST_BY_ROUTE = 20_000
const MOST = 30_000

type Entry = UsageReport['entries'][number]

/**
 * Counts what partners use, by credential, UTC day and route, and tells auth-service every few seconds and at shutdown. A report that may have arrived
 * is sent again under the same id, so that it counts once; what happens meanwhile waits for the next one.
 */
@Injectable()
export class Usage implements OnModuleInit, OnApplicationShutdown {
  private readonly entries = new Map<string, Entry>()
  private unsent: UsageReport | undefined
  private telling: Promise<void> | undefined
  private timer: NodeJS.Timeout | undefined
  private isAway = false

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly auth: AuthClient,
    private readonly routes: RouteNames,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.timer = setInterval(() => void this.tell(), this.config.usageReportMs)
    this.timer.unref()
  }

  /** Counts a request once it is answered, when a partner made it. */
  watch(request: FastifyRequest, reply: FastifyReply): void {
    const { caller } = contextOf(request)
    if (caller === undefined || !isPartner(caller)) return
    reply.raw.once('close', () => {
      const isError = !reply.raw.headersSent || reply.raw.statusCode >= 400
      this.count(caller, this.routes.nameOf(request.method, request.url), isError)
    })
  }

  /** The last one to need auth-service at shutdown: no request comes any more. */
  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer)
    await this.telling
    await this.tell()
    const untold = this.entries.size + (this.unsent?.entries.length ?? 0)
    if (untold > 0) this.logger.warn({ entries: untold }, 'what partners used last was not told')
    await this.auth.close()
  }

  private count({ sub, clientId }: Claims, route: string, isError: boolean): void {
    const lastAt = new Date().toISOString()
    const day = lastAt.slice(0, 10)
    const known = this.entries.get(`${clientId} ${day} ${route}`)
    if (known !== undefined) {
      known.requests++
      if (isError) known.errors++
      known.lastAt = lastAt
      return
    }
    if (this.entries.size >= MOST) return
    if (this.entries.size >= MOST_BY_ROUTE && route !== OTHER) return this.count({ sub, clientId } as Claims, OTHER, isError)
    this.entries.set(`${clientId} ${day} ${route}`, {
      partnerId: sub as PartnerId,
      clientId,
      day,
      route,
      requests: 1,
      errors: isError ? 1 : 0,
      lastAt,
    })
  }

  private tell(): Promise<void> {
    this.telling ??= this.tellAll().finally(() => {
      this.telling = undefined
    })
    return this.telling
  }

  private async tellAll(): Promise<void> {
    try {
      for (let report = this.nextReport(); report !== undefined; report = this.nextReport()) {
        await this.auth.report(report).catch((error: unknown) => this.dropRefused(report, error))
        this.unsent = undefined
      }
      this.isAway = false
    } catch (error) {
      if (!this.isAway) this.logger.warn({ causes: causesOf(error) }, 'auth-service does not take what partners used')
      this.isAway = true
    }
  }

  /** A report that auth-service can't take would hold up all that follow. @throws what may be gone the next time */
  private dropRefused({ entries }: UsageReport, error: unknown): void {
    if (!(error instanceof AppError) || error.spec.kind === 'unavailable' || error.spec.kind === 'internal') throw error
    this.logger.error({ causes: causesOf(error), entries: entries.length }, 'auth-service refuses a report of what partners used')
  }

  /** The report that is not surely there yet, else a new one of what was counted since. */
  private nextReport(): UsageReport | undefined {
    if (this.unsent !== undefined || this.entries.size === 0) return this.unsent
    const taken = [...this.entries].slice(0, MOST_IN_A_REPORT)
    for (const [key] of taken) this.entries.delete(key)
    this.unsent = { reportId: randomUUID(), entries: taken.map(([, entry]) => entry) }
    return this.unsent
  }
}
