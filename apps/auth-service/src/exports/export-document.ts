import type { PersonPage } from '@catamaran/contracts'

/**
 * An export as JSON text, piece by piece: `{ format, exportedAt, account, <part>: [ … ], … }`. A page is written and forgotten, so that a person with
 * very many orders takes no more memory than one with few. Pages of one part come one after the other.
 */
export async function* documentOf(account: unknown, exportedAt: Date, pages: AsyncIterable<PersonPage>): AsyncGenerator<string> {
  yield `{"format":"catamaran-export/1","exportedAt":${JSON.stringify(exportedAt)},"account":${JSON.stringify(account)}`
  let part: string | undefined
  let isFirst = true
  for await (const page of pages) {
    if (page.part !== part) {
      yield `${part === undefined ? '' : ']'},${JSON.stringify(page.part)}:[`
      part = page.part
      isFirst = true
    }
    for (const item of page.items) {
      yield `${isFirst ? '' : ','}${JSON.stringify(item)}`
      isFirst = false
    }
  }
  yield part === undefined ? '}' : ']}'
}
