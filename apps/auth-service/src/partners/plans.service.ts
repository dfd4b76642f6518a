import { Injectable } from '@nestjs/common'
import type { Plan } from '@catamaran/contracts'
import type { Queryable } from '@catamaran/data'
import { AppError } from '@catamaran/platform'
import { PlansRepository } from './plans.repository.js'

@Injectable()
export class PlansService {
  constructor(private readonly repository: PlansRepository) {}

  list(): Promise<Plan[]> {
    return this.repository.list()
  }

  /** @throws AppError partners.plan-not-found */
  async require(id: string, tx?: Queryable): Promise<Plan> {
    const plan = (await this.repository.list(tx)).find((each) => each.id === id)
    if (plan === undefined) throw new AppError('partners.plan-not-found')
    return plan
  }
}
