import { Buffer } from 'node:buffer'

/** A line and its number; without text where it is longer than `maxBytes`. */
export interface Line {
  readonly number: number
  readonly text: string | undefined
}
export interface LinesOptions {
  readonly firstLine: number
  readonly maxBytes: number
  readonly maxLines: number
}

const NEWLINE = 10

/**
 * Reads lines from a stream, in groups of those that are there already: many where the sender is fast, single ones where it waits. Holds one chunk and
 * one line at most, and reads on only when asked to.
 */
export async function* groupsOf(source: AsyncIterable<Buffer>, { firstLine, maxBytes, maxLines }: LinesOptions): AsyncGenerator<Line[]> {
  let number = firstLine
  let begun: Buffer[] = []
  let bytes = 0
  const take = (part: Buffer): void => {
    bytes += part.length
    if (bytes <= maxBytes) begun.push(part)
    else begun = [] // too long: nothing of it is kept
  }
  const end = (): Line => {
    const text = bytes > maxBytes ? undefined : Buffer.concat(begun).toString()
    begun = []
    bytes = 0
    return { number: number++, text }
  }
  for await (const chunk of source) {
    let group: Line[] = []
    let from = 0
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      take(chunk.subarray(from, at))
      group.push(end())
      from = at + 1
      if (group.length < maxLines) continue
      yield group
      group = []
    }
    take(chunk.subarray(from))
    if (group.length > 0) yield group
  }
  if (bytes > 0) yield [end()]
}
