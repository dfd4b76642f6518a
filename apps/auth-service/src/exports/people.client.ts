import { Inject, Injectable } from '@nestjs/common'
import { PersonPage, type UserId } from '@catamaran/contracts'
import { HttpClient } from '@catamaran/platform'
import { CORE } from '../config.js'

const PAGE = 100
const DEADLINE_MS = 10_000

/** What the other services hold of people: core-service's and, through it, aux-service's. */
@Injectable()
export class PeopleClient {
  constructor(@Inject(CORE) private readonly core: HttpClient) {}

  /** All of it, a page at a time. @throws AppError service.unavailable, service.timeout */
  async *pagesOf(userId: UserId): AsyncGenerator<PersonPage> {
    let cursor: string | undefined
    do {
      const page = await this.core.call({
        path: `/internal/people/${userId}`,
        query: { cursor, limit: PAGE },
        answer: PersonPage,
        deadlineMs: DEADLINE_MS,
      })
      yield page
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined)
  }
}
