import { Random, uuidOf } from './random.js'
import { SHELVES } from './shelves/index.js'
import type { Item } from './shelves/shelf.js'

export interface Seller {
  /** UUIDv7 */
  id: string
  name: string
  slug: string
}

export interface Product {
  /** UUIDv7 of its time of creation, the same at every call. */
  id: string
  sellerId: string
  name: string
  description: string
  category: string
  priceMinor: number
  currency: 'EUR'
  /** Pieces for sale. */
  stock: number
  createdAt: Date
}

export interface Catalogue {
  sellers: Seller[]
  products: Product[]
}

const DAY_MS = 86_400_000
const OPENED = Date.UTC(2024, 9, 1)
const DAYS = 730
const SOLD_OUT = 0.03
const LOW = 0.09
const MAX_STOCK = 5_000

const slugOf = (name: string) =>
  name
    .normalize('NFD')
    .replace(/\p{M}|[’']/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')

function makeSeller(name: string): Seller {
  const slug = slugOf(name)
  return { id: uuidOf(`seller ${slug}`, new Date(OPENED - new Random(slug).between(1, 90) * DAY_MS)), name, slug }
}

/** Dear things lie in small numbers, cheap ones by the hundred; a few are gone and some nearly. */
function stockOf(name: string, priceMinor: number): number {
  const random = new Random(`stock ${name}`)
  const chance = random.unit()
  if (chance < SOLD_OUT) return 0
  if (chance < LOW) return random.between(1, 5)
  const typical = 420 / (priceMinor / 100) ** 0.6
  return Math.min(MAX_STOCK, Math.max(1, Math.round(typical * Math.exp(1.1 * random.normal()))))
}

/** Within shop hours. A variant is entered a few minutes after the one before it, now and then months later. */
function datesOf(name: string, count: number): Date[] {
  const random = new Random(`dates ${name}`)
  const first = OPENED + random.between(0, DAYS - 1) * DAY_MS + random.between(8 * 3600, 17 * 3600) * 1000
  const last = OPENED + DAYS * DAY_MS
  let entered = first
  return Array.from({ length: count }, (_, index) => {
    if (index > 0) entered += random.between(90, 900) * 1000 + random.between(0, 999)
    const isLate = index > 0 && random.unit() < 0.15
    return new Date(isLate ? Math.min(entered + random.between(30, 200) * DAY_MS, last - random.between(1, 3_600_000)) : entered)
  })
}

function variantsOf([name, description, ...rest]: Item): { name: string; description: string; priceMinor: number }[] {
  const [axisOrPrice, variants] = rest
  if (typeof axisOrPrice === 'number') return [{ name, description, priceMinor: axisOrPrice }]
  return Object.entries(variants ?? {}).map(([variant, priceMinor]) => ({
    name: `${name}, ${variant}`,
    description: `${description} ${axisOrPrice}: ${variant}.`,
    priceMinor,
  }))
}

/** The whole demo catalogue: always the same 1,000 products of the same sellers. */
export function catalogue(): Catalogue {
  const sellers: Seller[] = []
  const products: Product[] = []
  for (const { category, sellers: names, items } of SHELVES) {
    const ofShelf = names.map(makeSeller)
    sellers.push(...ofShelf)
    for (const [place, item] of items.entries()) {
      const seller = ofShelf[Math.floor((place * ofShelf.length) / items.length)] as Seller
      const variants = variantsOf(item)
      const dates = datesOf(item[0], variants.length)
      variants.forEach((variant, index) => {
        const createdAt = dates[index] as Date
        const id = uuidOf(`product ${variant.name}`, createdAt)
        products.push({
          id,
          sellerId: seller.id,
          ...variant,
          category,
          currency: 'EUR',
          stock: stockOf(variant.name, variant.priceMinor),
          createdAt,
        })
      })
    }
  }
  return { sellers, products }
}
