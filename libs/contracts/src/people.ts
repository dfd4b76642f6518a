import { z } from 'zod'
import { PageQuery } from './page.js'

// What auth-service gathers of one person for an export, from core-service, which gathers aux-service's share under the same path.

/** The parts of an export that other services hold, in the order they are told. */
export const PERSON_PARTS = ['orders', 'cart', 'notifications', 'preferences'] as const
export type PersonPart = (typeof PERSON_PARTS)[number]

export const PersonQuery = PageQuery
export type PersonQuery = z.infer<typeof PersonQuery>

/**
 * `GET /internal/people/{userId}`: a page of one part, with what the service holds of the person; an unknown person has nothing. Parts come one after
 * the other, each on at least one page.
 */
export const PersonPage = z.strictObject({
  part: z.enum(PERSON_PARTS),
  items: z.array(z.record(z.string(), z.unknown())),
  nextCursor: z.string().nullable(),
})
export type PersonPage = z.infer<typeof PersonPage>
