import { createHash } from 'node:crypto'
import { Inject, Injectable } from '@nestjs/common'
import { newId, uuidOf, type ProductId } from '@catamaran/contracts'
import { AppError } from '@catamaran/platform'
import type { VersionedProduct } from '../catalogue/catalogue.repository.js'
import { CatalogueService } from '../catalogue/catalogue.service.js'
import { CONFIG, type Config } from '../config.js'
import { taxIn } from '../money.js'
import { CartsRepository, type AddOutcome, type StoredCart } from './carts.repository.js'
import { MAX_LINES, MAX_QUANTITY, type AddLine, type Cart } from './carts.schema.js'

const REMEMBERED_KEYS = 50

@Injectable()
export class CartsService {
  constructor(
    private readonly repository: CartsRepository,
    private readonly catalogue: CatalogueService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async read(owner: string): Promise<Cart> {
    return this.show(await this.repository.find(owner))
  }

  /**
   * Adds pieces of a product. With a key it happens once, however often and from wherever it is sent.
   * @throws AppError catalogue.product-not-found, cart.line-limit, request.idempotency-key-reused
   */
  async add(owner: string, { productId, quantity }: AddLine, given: string = newId('request')): Promise<{ cart: Cart; replayed: boolean }> {
    await this.catalogue.page(productId)
    const hash = digestOf(`${productId} ${quantity}`)
    const key = digestOf(given) // it names a field of the cart, and `__proto__` or `constructor` would be more than a name
    const outcome = await this.change(owner, (expiresAt) => this.repository.add(owner, productId, quantity, key, hash, expiresAt))
    const used = outcome.cart?.keys[key]
    if (outcome.added) await this.forgetOldKeys(outcome.cart)
    else if (used === undefined) throw limit()
    else if (used.hash !== hash) throw new AppError('request.idempotency-key-reused')
    return { cart: await this.show(outcome.cart), replayed: !outcome.added }
  }

  /** Sets how many pieces of a product are in the cart. @throws AppError catalogue.product-not-found, cart.line-limit */
  async set(owner: string, productId: ProductId, quantity: number): Promise<Cart> {
    await this.catalogue.page(productId)
    const outcome = await this.change(owner, (expiresAt) => this.repository.set(owner, productId, quantity, expiresAt))
    if (!outcome.added) throw limit()
    return this.show(outcome.cart)
  }

  async remove(owner: string, productId: ProductId): Promise<Cart> {
    return this.show((await this.repository.remove(owner, productId)).cart)
  }

  /** The cart as stored, for ordering it. */
  findStored(owner: string): Promise<StoredCart | undefined> {
    return this.repository.find(owner)
  }

  /** Empties the cart once it was ordered, if it is still the one that was ordered. */
  async clear(owner: string, cartId: string, version: number): Promise<void> {
    await this.repository.clear(owner, cartId, version)
  }

  /** Deletes the cart, whatever is in it. */
  async delete(owner: string): Promise<void> {
    await this.repository.delete(owner)
  }

  /** Makes the cart first where there is none. */
  private async change(owner: string, write: (expiresAt: number) => Promise<AddOutcome>): Promise<AddOutcome> {
    const expiresAt = Math.floor((Date.now() + this.config.carts.ttlMs) / 1000)
    const outcome = await write(expiresAt)
    if (outcome.added || outcome.cart !== undefined) return outcome
    await this.repository.create(owner, uuidOf(newId('cart')), expiresAt)
    return write(expiresAt)
  }

  private async forgetOldKeys(cart: StoredCart): Promise<void> {
    const keys = Object.entries(cart.keys)
    if (keys.length <= REMEMBERED_KEYS * 2) return
    const oldest = keys.toSorted(([, a], [, b]) => a.at - b.at).slice(0, keys.length - REMEMBERED_KEYS)
    await this.repository.forgetKeys(
      cart.owner,
      oldest.map(([key]) => key),
    )
  }

  private async show(cart: StoredCart | undefined): Promise<Cart> {
    if (cart === undefined) return { version: 0, lines: [], total: null }
    const lines = Object.entries(cart.lines) as [ProductId, number][]
    const products = await this.catalogue.findProducts(lines.map(([productId]) => productId))
    return {
      version: cart.version,
      lines: lines.map(([productId, quantity]) => {
        const product = products.get(productId)?.product
        return {
          productId,
          quantity,
          product: product === undefined ? null : { name: product.name, price: product.price, availability: product.availability },
        }
      }),
      total: totalOf(lines.map(([productId, quantity]) => ({ quantity, found: products.get(productId) }))),
    }
  }
}

/** The total that placing would come to: the same sums as the statement that places orders. */
const totalOf = (lines: readonly { quantity: number; found: VersionedProduct | undefined }[]): Cart['total'] => {
  const all = lines.flatMap(({ quantity, found }) => (found === undefined ? [] : [{ quantity, ...found }]))
  const [first] = all
  const currencies = new Set(all.map(({ product }) => product.price.currency))
  if (first === undefined || all.length < lines.length || currencies.size > 1) return null
  const money = (amountMinor: number) => ({ amountMinor, currency: first.product.price.currency })
  const sellers = new Set<string>()
  let [items, shipping, tax] = [0, 0, 0]
  for (const { quantity, product, shippingMinor, taxBasisPoints } of all) {
    const borne = sellers.has(product.seller.id) ? 0 : shippingMinor
    sellers.add(product.seller.id)
    items += quantity * product.price.amountMinor
    shipping += borne
    tax += taxIn(quantity * product.price.amountMinor, taxBasisPoints) + taxIn(borne, taxBasisPoints)
  }
  return { items: money(items), shipping: money(shipping), tax: money(tax), total: money(items + shipping) }
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('base64url')

const limit = (): AppError =>
  new AppError('cart.line-limit', { detail: `A cart holds at most ${MAX_LINES} lines and ${MAX_QUANTITY} pieces of each product.` })
