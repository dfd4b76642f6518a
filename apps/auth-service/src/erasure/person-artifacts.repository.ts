import { DeleteCommand, ScanCommand } from '@aws-sdk/lib-dynamodb'
import { Injectable } from '@nestjs/common'
import type { UserId } from '@catamaran/contracts'
import { Dynamo, type TableDefinition } from '@catamaran/data'
import { ARTIFACTS } from '../oidc/artifacts.repository.js'
import { SESSIONS } from '../sessions/sessions.repository.js'

/** The tables whose items may name a person. */
const TABLES: readonly TableDefinition[] = [ARTIFACTS, SESSIONS]

const PERSON = /usr_[0-9a-z]{26}/g

/**
 * What sign-ins have left of people in DynamoDB. Items lie under hashes of what their holders know, so that nobody can list a person's; an erasure
 * reads the tables through instead, once for all that are due. It is rare, sign-ins are not: an index would cost each of those another write.
 */
@Injectable()
export class PersonArtifactsRepository {
  constructor(private readonly dynamo: Dynamo) {}

  /** Deletes every item that names one of some people. */
  async deleteOf(ids: readonly UserId[]): Promise<void> {
    const wanted: ReadonlySet<string> = new Set(ids)
    for (const table of TABLES) await this.deleteFrom(table, wanted)
  }

  private async deleteFrom(table: TableDefinition, wanted: ReadonlySet<string>): Promise<void> {
    const TableName = this.dynamo.table(table)
    const keys = [table.partitionKey.name, ...(table.sortKey === undefined ? [] : [table.sortKey.name])]
    let start: Record<string, unknown> | undefined
    do {
      const { Items = [], LastEvaluatedKey } = await this.dynamo.send(
        new ScanCommand({ TableName, ...(start === undefined ? {} : { ExclusiveStartKey: start }) }),
      )
      for (const item of Items) {
        const names = JSON.stringify(item).match(PERSON) ?? []
        const Key = Object.fromEntries(keys.map((key): [string, unknown] => [key, item[key]]))
        if (names.some((name) => wanted.has(name))) await this.dynamo.send(new DeleteCommand({ TableName, Key }))
      }
      start = LastEvaluatedKey
    } while (start !== undefined)
  }
}
