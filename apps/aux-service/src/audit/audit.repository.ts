import { Injectable } from '@nestjs/common'
import { PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb'
import type { AuditLink } from '@catamaran/contracts'
import { AUDIT, Dynamo, isConditionFailed } from '@catamaran/data'

@Injectable()
export class AuditRepository {
  private readonly TableName: string

  constructor(private readonly dynamo: Dynamo) {
    this.TableName = dynamo.table(AUDIT)
  }

  /** The last link of a chain. */
  async findHead(chain: string): Promise<AuditLink | undefined> {
    const { Items } = await this.dynamo.send(
      new QueryCommand({
        TableName: this.TableName,
        KeyConditionExpression: 'chain = :chain',
        ExpressionAttributeValues: { ':chain': chain },
        ScanIndexForward: false,
        Limit: 1,
        ConsistentRead: true,
      }),
    )
    return Items?.[0] as AuditLink | undefined
  }

  /** Up to `limit` links of a chain, from link `from` (the last one where it is undefined) towards the first; fewer where they are large. */
  async listDown(chain: string, from: number | undefined, limit: number): Promise<AuditLink[]> {
    const { Items = [] } = await this.dynamo.send(
      new QueryCommand({
        TableName: this.TableName,
        KeyConditionExpression: from === undefined ? 'chain = :chain' : 'chain = :chain and #sequence <= :from',
        ...(from === undefined ? {} : { ExpressionAttributeNames: { '#sequence': 'sequence' } }),
        ExpressionAttributeValues: { ':chain': chain, ...(from === undefined ? {} : { ':from': from }) },
        ScanIndexForward: false,
        Limit: limit,
      }),
    )
    return Items as AuditLink[]
  }

  /** Appends a link, unless somebody was faster: then false. */
  async append(link: AuditLink): Promise<boolean> {
    try {
      await this.dynamo.send(new PutCommand({ TableName: this.TableName, Item: link, ConditionExpression: 'attribute_not_exists(chain)' }))
      return true
    } catch (error) {
      if (isConditionFailed(error)) return false
      throw error
    }
  }
}
