import { Injectable } from '@nestjs/common'
import { BatchWriteCommand, QueryCommand, type BatchWriteCommandInput } from '@aws-sdk/lib-dynamodb'
import type { Notification, UserId } from '@catamaran/contracts'
import { Dynamo, type TableDefinition } from '@catamaran/data'
import { AppError } from '@catamaran/platform'

export const NOTIFICATIONS: TableDefinition = {
  name: 'aux-notifications',
  partitionKey: { name: 'userId', type: 'S' },
  sortKey: { name: 'id', type: 'S' },
  ttl: 'expiresAt',
}

/** What one BatchWriteItem takes at most, and how many of those are asked for at once. */
const [MAX_WRITES, AT_ONCE] = [25, 4]

/** A notification, whose it is, and when it goes (epoch seconds). */
export interface NewNotification extends Notification {
  userId: UserId
  expiresAt: number
}

type WriteRequest = NonNullable<NonNullable<BatchWriteCommandInput['RequestItems']>[string]>[number]

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
    await this.write(entries.map((Item) => ({ PutRequest: { Item } })))
  }

  /** @throws AppError service.unavailable when DynamoDB could not delete them all: delete them all again */
  async delete(keys: readonly Pick<NewNotification, 'userId' | 'id'>[]): Promise<void> {
    await this.write(keys.map(({ userId, id }) => ({ DeleteRequest: { Key: { userId, id } } })))
  }

  /** Deletes a user's whole feed. */
  async deleteAll(userId: string): Promise<void> {
    let start: Record<string, unknown> | undefined
    do {
      const { Items = [], LastEvaluatedKey } = await this.dynamo.send(
        new QueryCommand({
          TableName: this.TableName,
          KeyConditionExpression: 'userId = :userId',
          ExpressionAttributeValues: { ':userId': userId },
          ProjectionExpression: 'userId, id',
          ConsistentRead: true,
          ...(start === undefined ? {} : { ExclusiveStartKey: start }),
        }),
      )
      await this.delete(Items as Pick<NewNotification, 'userId' | 'id'>[])
      start = LastEvaluatedKey
    } while (start !== undefined)
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

  private async write(requests: readonly WriteRequest[]): Promise<void> {
    for (let at = 0; at < requests.length; at += MAX_WRITES * AT_ONCE) {
      const starts = Array.from({ length: AT_ONCE }, (_, index) => at + index * MAX_WRITES).filter((start) => start < requests.length)
      const left = await Promise.all(starts.map((start) => this.writeSome(requests.slice(start, start + MAX_WRITES))))
      const sum = left.reduce((all, some) => all + some, 0)
      if (sum > 0) throw new AppError('service.unavailable', { detail: `DynamoDB left ${sum} notifications for later` })
    }
  }

  /** @returns how many of them DynamoDB left for later */
  private async writeSome(writes: WriteRequest[]): Promise<number> {
    const { UnprocessedItems } = await this.dynamo.send(new BatchWriteCommand({ RequestItems: { [this.TableName]: writes } }))
    return UnprocessedItems?.[this.TableName]?.length ?? 0
  }
}
