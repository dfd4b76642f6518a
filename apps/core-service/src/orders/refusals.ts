import { Injectable } from '@nestjs/common'
import { OrdersRepository, type Refused, type StoredRefusal } from './orders.repository.js'

const MAX_GROUP = 128

interface Waiting {
  readonly refused: Refused
  readonly resolve: (stored: StoredRefusal | undefined) => void
  readonly reject: (error: unknown) => void
}

/** Remembers refusals: those that come while a statement runs are written together by the next one, so that a rush on a sold-out product takes one connection and few commits. */
@Injectable()
export class Refusals {
  private readonly waiting: Waiting[] = []
  private isRunning = false

  constructor(private readonly repository: OrdersRepository) {}

  /** Answers what is remembered of the key from now on; undefined where it has placed an order. @throws AppError service.unavailable: ask again */
  remember(refused: Refused): Promise<StoredRefusal | undefined> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ refused, resolve, reject })
      void this.run()
    })
  }

  private async run(): Promise<void> {
    if (this.isRunning) return
    this.isRunning = true
    while (this.waiting.length > 0) {
      const group = this.waiting.splice(0, MAX_GROUP)
      try {
        const stored = await this.repository.refuse(group.map(({ refused }) => refused))
        for (const [index, { resolve }] of group.entries()) resolve(stored[index])
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    this.isRunning = false
  }
}
