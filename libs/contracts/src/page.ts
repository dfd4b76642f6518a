import { z } from 'zod'

/** The wire shape of a page of `item`: the items, and the cursor of the next page or null at the end. */
export const pageOf = <T extends z.ZodType>(item: T, id: string) =>
  z
    .strictObject({
      items: z.array(item),
      nextCursor: z.string().nullable().meta({ description: 'Pass as `cursor` to read on; null at the end' }),
    })
    .meta({ id })

export interface Page<T> {
  items: T[]
  nextCursor: string | null
}

/** Query parameters every list takes. `limit` counts items. */
export const PageQuery = z.strictObject({
  cursor: z.string().max(512).optional().meta({ description: 'The `nextCursor` of the page before' }),
  limit: z.coerce.number().int().min(1).max(100).default(20),
})
export type PageQuery = z.infer<typeof PageQuery>

/** Makes an opaque cursor from the sort key of the last item shown. Example: `encodeCursor(['2026-11-23T…', 'ord_…'])`. */
export const encodeCursor = (key: readonly (string | number | readonly number[])[]): string =>
  Buffer.from(JSON.stringify(key)).toString('base64url')

/**
 * Reads a cursor back, or undefined when it isn't one of ours: callers answer `request.invalid-cursor`.
 * @param shape the sort key that this list's cursors carry
 */
export const decodeCursor = <T extends z.ZodType>(cursor: string, shape: T): z.infer<T> | undefined => {
  try {
    const text = Buffer.from(cursor, 'base64url').toString()
    const parsed = shape.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data : undefined
  } catch {
    return undefined
  }
}
