import { Injectable } from '@nestjs/common'
import { BUYER_EVENTS, uuidOf, type DomainEvent, type Id } from '@catamaran/contracts'
import type { EventBatch } from '@catamaran/messaging'
import { Groups } from '@catamaran/platform'
import { MailsRepository, type NewMail } from './mails.repository.js'

/** Mails that are queued by one statement, from whatever partitions. */
const MOST_AT_ONCE = 500

type BuyerEvent = DomainEvent<keyof typeof BUYER_EVENTS>

/** Queues a mail for each event that a buyer hears of; whether it is sent is decided when its turn comes (MailWorker). */
@Injectable()
export class MailsService {
  private readonly inserting: Groups<NewMail>

  constructor(repository: MailsRepository) {
    this.inserting = new Groups({ work: (mails) => repository.insert(mails).then(() => []), most: MOST_AT_ONCE })
  }

  async queue({ events }: EventBatch): Promise<void> {
    const mails = events.flatMap(({ event }) => (isBuyerEvent(event) ? [mailOf(event)] : []))
    if (mails.length > 0) await this.inserting.do(mails)
  }
}

const isBuyerEvent = (event: DomainEvent): event is BuyerEvent => Object.hasOwn(BUYER_EVENTS, event.type)

const mailOf = ({ id, type, data }: BuyerEvent): NewMail => ({
  id: uuidOf(id as Id<'event'>),
  orderId: uuidOf(data.orderId),
  kind: BUYER_EVENTS[type],
  partId: 'returnId' in data ? uuidOf(data.returnId) : 'fulfilmentId' in data ? uuidOf(data.fulfilmentId) : null,
  amountMinor: 'amountMinor' in data ? data.amountMinor : null,
})
