import { createHash } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { decodeCursor, encodeCursor, idSchema } from '@catamaran/contracts'
import { Flags } from '@catamaran/flags'
import { AppError } from '@catamaran/platform'
import { z } from 'zod'
import type { Facet, Facets, Filters, ProductPage, ProductQuery } from './catalogue.schema.js'
import { SearchRepository, type Found, type PageAsked, type Place, type Ranking } from './search.repository.js'

type Sort = NonNullable<ProductQuery['sort']>
type Cursor = readonly [...Place, list: string, ranking?: Ranking]

// PostgreSQL knows no year 0, and a price beyond what is exact is none. What follows the place says which list it is a place in.
const Time = z.iso.datetime({ precision: 3 }).refine((time) => time >= '0001')
const Price = z.int()
const CURSORS: Record<Sort, z.ZodType<Cursor>> = {
  // A rank is only comparable with ranks of its own kind: the pages of one search keep the ranking of the first, whatever the flag says by then.
  relevance: z.tuple([z.number(), idSchema('product'), z.string(), z.enum(['coverage', 'focused'])]),
  newest: z.tuple([Time, idSchema('product'), z.string()]),
  price: z.tuple([Price, idSchema('product'), z.string()]),
  '-price': z.tuple([Price, idSchema('product'), z.string()]),
}

/** Searches at once, anybody's: they wait for connections to the database, which orders need too, and each takes its time. */
const MAX_SEARCHES = 32

/** The catalogue as a shop's front end asks for it: with words, filters, in an order, page by page, and what the hits have in common. */
@Injectable()
export class SearchService {
  private searches = 0

  constructor(
    private readonly repository: SearchRepository,
    private readonly flags: Flags,
  ) {}

  /** @throws AppError request.invalid-cursor, service.overloaded */
  async list({ cursor, limit, facets = [], sort, ...filters }: ProductQuery): Promise<ProductPage> {
    const by = sort ?? (filters.q === undefined ? 'newest' : 'relevance')
    const list = listName(by, filters)
    const after = placeIn(list, cursor, CURSORS[by])
    const ranking = after?.[3] ?? (by === 'relevance' ? await this.flags.forCaller('search.ranking') : undefined)
    if (this.searches >= MAX_SEARCHES) throw new AppError('service.overloaded')
    this.searches++
    try {
      const { items, end } = await this.find(filters, by, { after: after && [after[0], after[1]], limit }, ranking)
      return {
        items,
        nextCursor: end === undefined ? null : encodeCursor([...end, list, ...(ranking === undefined ? [] : [ranking])]),
        ...(facets.length > 0 && { facets: await this.count(filters, facets) }),
      }
    } finally {
      this.searches--
    }
  }

  /** Few hits are sorted. Where there are many, they are met soon enough on a walk through all products. */
  private async find(filters: Filters, sort: Sort, page: PageAsked, ranking: Ranking | undefined): Promise<Found> {
    if (sort === 'relevance') return this.repository.listRanked(filters, page, ranking ?? 'coverage')
    const isNarrow = filters.q !== undefined || filters.seller !== undefined
    const sorted = isNarrow ? await this.repository.listSorted(filters, sort, page) : undefined
    return sorted ?? this.repository.listWalked(filters, sort, page)
  }

  /** Facets whose filter is not set count the same products, together; each other one those that fit without its own filter. */
  private async count(filters: Filters, facets: readonly Facet[]): Promise<Facets> {
    const isSet = (facet: Facet): boolean => OWN_FILTERS[facet].some((filter) => filters[filter] !== undefined)
    const together = facets.filter((facet) => !isSet(facet))
    let counted: Facets = together.length === 0 ? {} : await this.repository.countFacets(filters, together)
    for (const facet of facets.filter(isSet)) {
      const others = { ...filters, ...Object.fromEntries(OWN_FILTERS[facet].map((filter) => [filter, undefined])) }
      counted = { ...counted, ...(await this.repository.countFacets(others, [facet])) }
    }
    return counted
  }
}

const OWN_FILTERS: Record<Facet, readonly (keyof Filters)[]> = {
  category: ['category'],
  seller: ['seller'],
  price: ['minPriceMinor', 'maxPriceMinor'],
  availability: ['availability'],
}

/** A name for a list, the same for the same words, filters and order: a place in one list is none in another. */
const listName = (sort: Sort, { q, category, seller, currency, minPriceMinor, maxPriceMinor, availability }: Filters): string =>
  createHash('sha256')
    .update(JSON.stringify([sort, q, category, seller, currency, minPriceMinor, maxPriceMinor, availability]))
    .digest('base64url')
    .slice(0, 12)

const placeIn = (list: string, cursor: string | undefined, shape: z.ZodType<Cursor>): Cursor | undefined => {
  if (cursor === undefined) return undefined
  const place = decodeCursor(cursor, shape)
  if (place?.[2] !== list) throw new AppError('request.invalid-cursor')
  return place
}
