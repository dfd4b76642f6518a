import { Injectable } from '@nestjs/common'
import type { PartnerId, ProductId } from '@catamaran/contracts'
import type { Queryable } from '@catamaran/data'
import { Flags } from '@catamaran/flags'
import { AppError, inputErrorsOf } from '@catamaran/platform'
import { ImportLine, type LineResult, type ProductImport } from './imports.schema.js'
import { ImportsRepository } from './imports.repository.js'
import { groupsOf, type Line } from './ndjson.js'
import { PartnerWrites, type Written } from './partner-writes.js'
import { ProductsRepository, type Saved } from './products.repository.js'

const MAX_LINE_BYTES = 64 * 1024
const MAX_GROUP_LINES = 500
/** Imports at once in this process. Each holds a connection to the database most of the time. */
const MAX_IMPORTS = 3
const BUSY_RETRY_S = 2

export interface ImportRequest {
  readonly id: string
  readonly firstLine: number
  readonly body: AsyncIterable<Buffer>
}
interface ParsedLine {
  readonly number: number
  readonly product: ImportLine | undefined
  readonly errors: LineResult['errors']
}

/** Takes in a partner's products from a stream of lines: each group of lines in one transaction with the note that it is done. */
@Injectable()
export class ImportsService {
  private readonly running: PartnerId[] = []

  constructor(
    private readonly repository: ImportsRepository,
    private readonly products: ProductsRepository,
    private readonly writes: PartnerWrites,
    private readonly flags: Flags,
  ) {}

  /** @throws AppError catalogue.import-not-found, also for another partner's */
  async read(partnerId: PartnerId, id: string): Promise<ProductImport> {
    const found = await this.repository.find(partnerId, id)
    if (found === undefined) throw new AppError('catalogue.import-not-found')
    return found
  }

  /**
   * Begins or goes on with an import, and hands the results of its lines to `send` as they are done. When `send` ends, so does the import; what was
   * answered is done.
   * @throws AppError request.rate-limited, service.overloaded, catalogue.import-gap, partners.not-active, and what `send` throws
   */
  async run(partnerId: PartnerId, request: ImportRequest, send: (results: AsyncIterable<LineResult[]>) => Promise<void>): Promise<void> {
    const most = (await this.flags.forCaller('imports.parallel')) ? 2 : 1
    if (this.running.filter((each) => each === partnerId).length >= most)
      throw new AppError('request.rate-limited', { detail: 'Your other import has to end first.', retryAfterS: BUSY_RETRY_S })
    if (this.running.length >= MAX_IMPORTS) throw new AppError('service.overloaded', { retryAfterS: BUSY_RETRY_S })
    this.running.push(partnerId)
    try {
      const linesDone = await this.writes.run(partnerId, async (tx) => ({
        result: await this.linesDone(tx, partnerId, request.id),
        changed: [],
      }))
      if (request.firstLine > linesDone + 1)
        throw new AppError('catalogue.import-gap', { detail: `Lines up to ${linesDone} are done.`, extra: { linesDone } })
      await send(this.results(partnerId, request))
    } finally {
      this.running.splice(this.running.indexOf(partnerId), 1)
    }
  }

  private async *results(partnerId: PartnerId, { id, firstLine, body }: ImportRequest): AsyncGenerator<LineResult[]> {
    for await (const group of groupsOf(body, { firstLine, maxBytes: MAX_LINE_BYTES, maxLines: MAX_GROUP_LINES })) {
      yield await this.writes.run(partnerId, (tx) => this.apply(tx, partnerId, id, group))
    }
  }

  /** Lines that another request has done meanwhile are done: the partner is held, so nobody else is at it now. */
  private async apply(tx: Queryable, partnerId: PartnerId, id: string, group: readonly Line[]): Promise<Written<LineResult[]>> {
    const linesDone = await this.linesDone(tx, partnerId, id)
    const results: LineResult[] = group.filter(({ number }) => number <= linesDone).map(({ number }) => ({ line: number, status: 'done' }))
    const open = group.filter(({ number }) => number > linesDone).map(parsed)
    const last = open.at(-1)
    if (last === undefined) return { result: results, changed: [] }
    const changed: (readonly [ProductId, number])[] = []
    for (const lines of withoutRepeats(open)) {
      const good = lines.filter(isGood)
      const saved = new Map(
        (
          await this.products.save(
            tx,
            partnerId,
            good.map(({ product }) => product),
          )
        ).map((each, at) => [good[at]?.number, each]),
      )
      results.push(...lines.map((line) => resultOf(line, saved.get(line.number))))
      // No cache can hold what was just made.
      for (const { id: productId, status, version } of saved.values())
        if (version !== null && status === 'changed') changed.push([productId, version])
    }
    await this.repository.advance(tx, partnerId, id, last.number, results)
    return { result: results, changed }
  }

  private async linesDone(tx: Queryable, partnerId: PartnerId, id: string): Promise<number> {
    return (await this.repository.find(partnerId, id, tx))?.linesDone ?? 0
  }
}

const isGood = (line: ParsedLine): line is ParsedLine & { product: ImportLine } => line.product !== undefined

const refused = (number: number, errors: NonNullable<LineResult['errors']>): ParsedLine => ({ number, product: undefined, errors })

const parsed = ({ number, text }: Line): ParsedLine => {
  if (text === undefined) return refused(number, [{ pointer: '', detail: `expected at most ${MAX_LINE_BYTES} bytes` }])
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return refused(number, [{ pointer: '', detail: 'expected a JSON object' }])
  }
  const { success, data, error } = ImportLine.safeParse(value)
  return success ? { number, product: data, errors: undefined } : refused(number, inputErrorsOf(error.issues))
}

/** Splits lines so that no part names an SKU twice: one statement changes a product once. */
const withoutRepeats = (lines: readonly ParsedLine[]): ParsedLine[][] => {
  const parts: ParsedLine[][] = [[]]
  let seen = new Set<string>()
  for (const line of lines) {
    const sku = line.product?.sku
    if (sku !== undefined && seen.has(sku)) {
      parts.push([])
      seen = new Set()
    }
    if (sku !== undefined) seen.add(sku)
    parts.at(-1)?.push(line)
  }
  return parts
}

const resultOf = ({ number, errors }: ParsedLine, saved: Saved | undefined): LineResult => {
  if (saved === undefined) return { line: number, status: 'refused', errors: errors ?? [] }
  if (saved.status !== 'other_currency') return { line: number, status: saved.status, productId: saved.id }
  return {
    line: number,
    status: 'refused',
    productId: saved.id,
    errors: [{ pointer: '/currency', detail: 'The currency can’t be changed.' }],
  }
}
