import { pageOf, PageQuery } from '@catamaran/contracts'
import { z } from 'zod'

const GROUPS = ['client', 'day', 'route'] as const

const DAY_MS = 86_400_000
const MOST_DAYS = 366

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/** Days are UTC days, the first and the last included. */
export const UsageQuery = z
  .strictObject({
    ...PageQuery.shape,
    from: z.iso.date().optional().meta({ description: 'The first day, in UTC. Default: 29 days before `to`' }),
    to: z.iso.date().optional().meta({ description: 'The last day, in UTC. Default: today' }),
    clientId: z.string().max(100).optional().meta({ description: 'Of this API key or OAuth client only' }),
    groupBy: z
      .string()
      .max(50)
      .default('client,day,route')
      .transform((text) => text.split(','))
      .pipe(z.array(z.enum(GROUPS)).refine((groups) => new Set(groups).size === groups.length, 'Name each once.'))
      .meta({
        type: 'string',
        default: 'client,day,route',
        description: 'What to tell apart: `client`, `day`, `route`, or several with commas between',
      }),
  })
  .transform(({ from, to = dayOf(Date.now()), ...rest }) => ({ ...rest, from: from ?? dayOf(Date.parse(to) - 29 * DAY_MS), to }))
  .refine(({ from, to }) => from <= to, { path: ['from'], message: 'Give a day that is not after `to`.' })
  .refine(({ from, to }) => Date.parse(to) - Date.parse(from) < MOST_DAYS * DAY_MS, {
    path: ['from'],
    message: `Ask for at most ${MOST_DAYS} days at once.`,
  })
export type UsageQuery = z.output<typeof UsageQuery>

export const Usage = z
  .strictObject({
    clientId: z.string().optional().meta({ description: 'The API key or OAuth client' }),
    day: z.iso.date().optional(),
    route: z.string().optional().meta({ description: 'Method and path template' }),
    requests: z.int(),
    errors: z.int().meta({ description: 'Of these, answers of 400 and above' }),
  })
  .meta({ id: 'Usage' })
export type Usage = z.infer<typeof Usage>
export const UsagePage = pageOf(Usage, 'UsagePage')
