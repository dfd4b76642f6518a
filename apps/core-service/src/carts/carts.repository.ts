import { Injectable } from '@nestjs/common'
import { DeleteCommand, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import type { ProductId } from '@catamaran/contracts'
import { Dynamo, isConditionFailed, type TableDefinition } from '@catamaran/data'
import { MAX_LINES, MAX_QUANTITY } from './carts.schema.js'

export const CARTS: TableDefinition = { name: 'core-carts', partitionKey: { name: 'owner', type: 'S' }, ttl: 'expiresAt' }

/** One item a cart, so that every change is one conditional write. `keys` remembers the Idempotency-Keys that added to it, with a hash of what they added. */
export interface StoredCart {
  owner: string
  cartId: string
  version: number
  lines: Record<ProductId, number>
  keys: Record<string, { hash: string; at: number }>
  /** Epoch seconds. */
  expiresAt: number
}

export type AddOutcome = { added: true; cart: StoredCart } | { added: false; cart: StoredCart | undefined }

@Injectable()
export class CartsRepository {
  private readonly TableName: string

  constructor(private readonly dynamo: Dynamo) {
    this.TableName = dynamo.table(CARTS)
  }

  /** The owner's cart; one past its time is none, whether or not DynamoDB has removed it yet. */
  async find(owner: string): Promise<StoredCart | undefined> {
    const { Item } = await this.dynamo.send(new GetCommand({ TableName: this.TableName, Key: { owner }, ConsistentRead: true }))
    return living(Item as StoredCart | undefined)
  }

  /** Makes an empty cart, unless there is a living one. */
  async create(owner: string, cartId: string, expiresAt: number): Promise<void> {
    const cart: StoredCart = { owner, cartId, version: 0, lines: {}, keys: {}, expiresAt }
    await this.dynamo
      .send(
        new PutCommand({
          TableName: this.TableName,
          Item: cart,
          ConditionExpression: 'attribute_not_exists(#owner) or expiresAt <= :now',
          ExpressionAttributeNames: { '#owner': 'owner' },
          ExpressionAttributeValues: { ':now': Math.floor(Date.now() / 1000) },
        }),
      )
      .catch((error: unknown) => {
        if (!isConditionFailed(error)) throw error
      })
  }

  /** Adds pieces of a product once for each key: refused when there is no cart, when the key was used, or when a line would grow too large. */
  add(owner: string, productId: ProductId, quantity: number, key: string, hash: string, expiresAt: number): Promise<AddOutcome> {
    return this.update(owner, {
      UpdateExpression:
        'set #lines.#product = if_not_exists(#lines.#product, :zero) + :quantity, #keys.#key = :use, expiresAt = :expiresAt add version :one',
      ConditionExpression:
        'attribute_exists(cartId) and expiresAt > :now and attribute_not_exists(#keys.#key) and (attribute_not_exists(#lines.#product) or #lines.#product <= :room) and size(#lines) <= :maxLines',
      ExpressionAttributeNames: { '#lines': 'lines', '#keys': 'keys', '#product': productId, '#key': key },
      ExpressionAttributeValues: {
        ':zero': 0,
        ':one': 1,
        ':quantity': quantity,
        ':room': MAX_QUANTITY - quantity,
        ':maxLines': MAX_LINES - 1,
        ':use': { hash, at: Date.now() },
        ':expiresAt': expiresAt,
        ':now': Math.floor(Date.now() / 1000),
      },
    })
  }

  /** Sets how many pieces of a product are in the cart. Idempotent by nature. */
  set(owner: string, productId: ProductId, quantity: number, expiresAt: number): Promise<AddOutcome> {
    return this.update(owner, {
      UpdateExpression: 'set #lines.#product = :quantity, expiresAt = :expiresAt add version :one',
      ConditionExpression:
        'attribute_exists(cartId) and expiresAt > :now and (attribute_exists(#lines.#product) or size(#lines) <= :maxLines)',
      ExpressionAttributeNames: { '#lines': 'lines', '#product': productId },
      ExpressionAttributeValues: {
        ':one': 1,
        ':quantity': quantity,
        ':maxLines': MAX_LINES - 1,
        ':expiresAt': expiresAt,
        ':now': Math.floor(Date.now() / 1000),
      },
    })
  }

  /** Takes a product out, and forgets old keys. Nothing happens when it isn't there. */
  remove(owner: string, productId: ProductId): Promise<AddOutcome> {
    return this.update(owner, {
      UpdateExpression: 'remove #lines.#product add version :one',
      ConditionExpression: 'attribute_exists(#lines.#product)',
      ExpressionAttributeNames: { '#lines': 'lines', '#product': productId },
      ExpressionAttributeValues: { ':one': 1 },
    })
  }

  /** Forgets keys, so that the item stays small. */
  async forgetKeys(owner: string, keys: readonly string[]): Promise<void> {
    const names = Object.fromEntries(keys.map((key, index) => [`#key${index}`, key]))
    const UpdateExpression = `remove ${Object.keys(names)
      .map((name) => `#keys.${name}`)
      .join(', ')}`
    await this.update(owner, {
      UpdateExpression,
      ConditionExpression: 'attribute_exists(cartId)',
      ExpressionAttributeNames: { '#keys': 'keys', ...names },
    })
  }

  /** Removes the cart if it is still what was ordered. */
  async clear(owner: string, cartId: string, version: number): Promise<void> {
    await this.dynamo
      .send(
        new DeleteCommand({
          TableName: this.TableName,
          Key: { owner },
          ConditionExpression: 'cartId = :cartId and version = :version',
          ExpressionAttributeValues: { ':cartId': cartId, ':version': version },
        }),
      )
      .catch((error: unknown) => {
        if (!isConditionFailed(error)) throw error
      })
  }

  async delete(owner: string): Promise<void> {
    await this.dynamo.send(new DeleteCommand({ TableName: this.TableName, Key: { owner } }))
  }

  private async update(
    owner: string,
    change: {
      UpdateExpression: string
      ConditionExpression: string
      ExpressionAttributeNames: Record<string, string>
      ExpressionAttributeValues?: Record<string, unknown>
    },
  ): Promise<AddOutcome> {
    try {
      const { Attributes } = await this.dynamo.send(
        new UpdateCommand({
          TableName: this.TableName,
          Key: { owner },
          ReturnValues: 'ALL_NEW',
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          ...change,
        }),
      )
      return { added: true, cart: Attributes as StoredCart }
    } catch (error) {
      // The cart as it was when the condition failed: reading it again could show another one.
      if (isConditionFailed(error)) return { added: false, cart: living(error.Item as StoredCart | undefined) }
      throw error
    }
  }
}

const living = (cart: StoredCart | undefined): StoredCart | undefined =>
  cart !== undefined && cart.expiresAt * 1000 > Date.now() ? cart : undefined
