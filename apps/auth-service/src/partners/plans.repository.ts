import { Injectable } from '@nestjs/common'
import type { Plan } from '@catamaran/contracts'
import { Database, type Queryable } from '@catamaran/data'

const LIST = {
  name: 'plan.list',
  text: `select id, requests_per_second as "requestsPerSecond", burst, requests_per_day as "requestsPerDay", max_api_keys as "maxApiKeys",
      max_webhook_endpoints as "maxWebhookEndpoints" from plan order by requests_per_second`,
}

@Injectable()
export class PlansRepository {
  constructor(private readonly database: Database) {}

  /** The smallest first. */
  list(from: Queryable = this.database): Promise<Plan[]> {
    return from.query<Plan>(LIST)
  }
}
