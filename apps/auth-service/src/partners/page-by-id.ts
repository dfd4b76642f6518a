import { decodeCursor, encodeCursor, idSchema, uuidOf, type IdKind, type Page, type PageQuery } from '@catamaran/contracts'
import { AppError } from '@catamaran/platform'
import { z } from 'zod'

/**
 * A page of what is kept in the order of its ids.
 * @param list reads at most so many rows after a UUID
 * @throws AppError request.invalid-cursor
 */
export const pageById = async <Row, Item>(
  { cursor, limit }: PageQuery,
  kind: IdKind,
  list: (after: string | undefined, limit: number) => Promise<Row[]>,
  show: (row: Row) => readonly [id: string, item: Item],
): Promise<Page<Item>> => {
  const after = cursor === undefined ? undefined : decodeCursor(cursor, z.tuple([idSchema(kind)]))
  if (cursor !== undefined && after === undefined) throw new AppError('request.invalid-cursor')
  const rows = await list(after && uuidOf(after[0]), limit + 1)
  const shown = rows.slice(0, limit).map(show)
  const last = shown.at(-1)
  return { items: shown.map(([, item]) => item), nextCursor: rows.length > limit && last !== undefined ? encodeCursor([last[0]]) : null }
}
