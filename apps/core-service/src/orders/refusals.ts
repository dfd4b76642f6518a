import { Injectable } from '@nestjs/common'
import { Groups } from '@catamaran/platform'
import { OrdersRepository, type Refused, type StoredRefusal } from './orders.repository.js'

const MAX_GROUP = 128

/** Remembers refusals, many in one statement, so that a rush on a sold-out product takes one connection and few commits. */
@Injectable()
export class Refusals {
  private readonly groups: Groups<Refused, StoredRefusal | undefined>

  constructor(repository: OrdersRepository) {
    this.groups = new Groups({ work: (refused) => repository.refuse(refused), most: MAX_GROUP })
  }

  /** Answers what is remembered of the key from now on; undefined where it has placed an order. @throws AppError service.unavailable: ask again */
  async remember(refused: Refused): Promise<StoredRefusal | undefined> {
    return (await this.groups.do([refused]))[0]
  }
}
