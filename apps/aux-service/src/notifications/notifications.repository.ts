import { Injectable } from '@nestjs/common'
import { BatchWriteCommand, QueryCommand } from '@aws-sdk/lib-dynamodb'
import type { Notification } from '@catamaran/contracts'
import { Dynamo, type TableDefinition } from '@catamaran/data'
import { AppError } from '@catamaran/platform'

export const NOTIFICATIONS: TableDefinition = {
  name: 'aux-notifications',
  partitionKey: { name: 'userId', type: 'S' },
  sortKey: { name: 'id', type: 'S' },
  ttl: 'expiresAt',
}

/** What one BatchWriteItem takes at most. */
const MAX_WRITES = 25

/** A notification, whose it is, and when it goes (epoch seconds). */
export interface NewNotification extends Notification {
  userId: string
  expiresAt: number
}

@Injectable()
export class NotificationsRepository {
  private readonly TableName: string

  constructor(private readonly dynamo: Dynamo) {
    this.TableName = dynamo.table(NOTIFICATIONS)
  }

  /**
   * Writes notifications, each once: its id comes from its event, so writing it again writes the same.
   * @throws AppError service.unavailable when DynamoDB could not take them all: write them all again
   */
  async insert(entries: readonly NewNotification[]): Promise<void> {
    const chunks = Array.from({ length: Math.ceil(entries.length / MAX_WRITES) }, (_, index) =>
      entries.slice(index * MAX_WRITES, (index + 1) * MAX_WRITES),
    )
    for (const chunk of chunks) {
      const writes = chunk.map((Item) => ({ PutRequest: { Item } }))
      const { UnprocessedItems } = await this.dynamo.send(new BatchWriteCommand({ RequestItems: { [this.TableName]: writes } }))
      const left = UnprocessedItems?.[this.TableName]?.length ?? 0
      if (left > 0) throw new AppError('service.unavailable', { detail: `DynamoDB left ${left} notifications for later` })
    }
  }

  /** A user's notifications, newest first, after the one that `before` names; those past their time are left out. */
  async list(userId: string, before: string | undefined, limit: number): Promise<Notification[]> {
    const { Items = [] } = await this.dynamo.send(
      new QueryCommand({
        TableName: this.TableName,
        KeyConditionExpression: before === undefined ? 'userId = :userId' : 'userId = :userId and id < :before',
        FilterExpression: 'expiresAt > :now',
        ExpressionAttributeValues: {
          ':userId': userId,
          ':now': Math.floor(Date.now() / 1000),
          ...(before === undefined ? {} : { ':before': before }),
        },
        ScanIndexForward: false,
        Limit: limit,
      }),
    )
    return (Items as Notification[]).map(({ id, type, orderId, createdAt }) => ({ id, type, orderId, createdAt }))
  }
}
