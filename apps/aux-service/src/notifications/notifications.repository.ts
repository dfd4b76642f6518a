import { Injectable } from '@nestjs/common'
import { PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb'
import type { Notification } from '@catamaran/contracts'
import { Dynamo, isConditionFailed, type TableDefinition } from '@catamaran/data'

export const NOTIFICATIONS: TableDefinition = {
  name: 'aux-notifications',
  partitionKey: { name: 'userId', type: 'S' },
  sortKey: { name: 'id', type: 'S' },
  ttl: 'expiresAt',
}

@Injectable()
export class NotificationsRepository {
  private readonly TableName: string

  constructor(private readonly dynamo: Dynamo) {
    this.TableName = dynamo.table(NOTIFICATIONS)
  }

  /** Writes a notification once: its id comes from its event, so a second write of the same does nothing. */
  async insert(userId: string, notification: Notification, expiresAt: number): Promise<void> {
    await this.dynamo
      .send(
        new PutCommand({
          TableName: this.TableName,
          Item: { ...notification, userId, expiresAt },
          ConditionExpression: 'attribute_not_exists(userId)',
        }),
      )
      .catch((error: unknown) => {
        if (!isConditionFailed(error)) throw error
      })
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
