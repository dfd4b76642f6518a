import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common'
import type { DomainEvent } from '@catamaran/contracts'
import { RedisClient } from '@catamaran/data'
import type { Redis } from 'ioredis'

/**
 * Tells every process which orders have changed. The relay announces what it has published, so that nobody on the way of an order does; who listens reads
 * the order's transitions and loses nothing with a lost message.
 */
@Injectable()
export class OrderChanges implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly channel: string
  private readonly listeners = new Map<string, Set<() => void>>()
  private subscriber: Redis | undefined

  constructor(private readonly redis: RedisClient) {
    this.channel = `${redis.options.keyPrefix ?? ''}order-changed`
  }

  onApplicationBootstrap(): void {
    this.subscriber = this.redis.newSubscriber()
    this.subscriber.on('message', (_channel, message: string) => this.tell(message.split(' ')))
    this.subscriber.subscribe(this.channel).catch(() => undefined) // it subscribes again by itself on reconnect
  }

  onApplicationShutdown(): void {
    this.subscriber?.disconnect()
  }

  /** One message for a whole batch of the relay. */
  follow(events: readonly DomainEvent[]): void {
    const ids = [...new Set(events.flatMap(({ type, subject }) => (type.startsWith('orders.') ? [subject] : [])))]
    if (ids.length === 0) return
    this.tell(ids)
    this.redis.publish(this.channel, ids.join(' ')).catch(() => undefined) // without Redis, listeners look by themselves
  }

  /** Calls `listener` when an order may have changed. @returns a function that ends it */
  listen(orderId: string, listener: () => void): () => void {
    const listeners = this.listeners.get(orderId) ?? new Set()
    this.listeners.set(orderId, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.listeners.delete(orderId)
    }
  }

  private tell(ids: readonly string[]): void {
    if (this.listeners.size === 0) return
    for (const id of ids) for (const listener of this.listeners.get(id) ?? []) listener()
  }
}
