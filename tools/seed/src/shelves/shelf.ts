/**
 * What a shop writes once: name, description and price in minor units of EUR, or, for a thing that comes in several sizes or colours, what they
 * differ in and the price of each.
 */
export type Item =
  | readonly [name: string, description: string, priceMinor: number]
  | readonly [name: string, description: string, axis: string, prices: Readonly<Record<string, number>>]

/** One category and the sellers who fill it: each in turn a stretch of the items, so neighbours belong together. */
export interface Shelf {
  readonly category: string
  readonly sellers: readonly string[]
  readonly items: readonly Item[]
}
