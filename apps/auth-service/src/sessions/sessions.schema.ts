import { z } from 'zod'

/** A session's name: the `sid` of the access tokens made under it. */
export const SessionId = z.string().regex(/^[\w-]{16,64}$/)

export const Session = z
  .strictObject({
    id: z.string().meta({ description: 'The `sid` of the access tokens made under it' }),
    device: z.string().meta({ description: 'Browser and system it was last used with', example: 'Firefox on Windows' }),
    startedAt: z.iso.datetime(),
    lastSeenAt: z.iso.datetime().meta({ description: 'To the minute' }),
    isCurrent: z.boolean().meta({ description: 'Whether this request was made under it' }),
  })
  .meta({ id: 'Session' })
export type Session = z.infer<typeof Session>

export const SessionList = z
  .strictObject({ items: z.array(Session).meta({ description: 'Seen last first, at most 100' }) })
  .meta({ id: 'SessionList' })
export type SessionList = z.infer<typeof SessionList>
