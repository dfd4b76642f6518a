import { Agent } from 'node:http'
import {
  CreateTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
  type AttributeValue,
  type KeySchemaElement,
} from '@aws-sdk/client-dynamodb'
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import type { OnApplicationShutdown } from '@nestjs/common'
import { AppError, traced } from '@catamaran/platform'
import { SpanKind } from '@opentelemetry/api'

export interface DynamoOptions {
  /** Undefined: the region's own service. */
  endpoint?: string | undefined
  region: string
  /** Put before every table name: tests share a server. Default ''. */
  tablePrefix?: string
}

/** A table as its owner defines it: the key attributes, indexes, and the attribute (epoch seconds) after which an item is gone. */
export interface TableDefinition {
  readonly name: string
  readonly partitionKey: KeyAttribute
  readonly sortKey?: KeyAttribute
  readonly ttl?: string
  readonly indexes?: readonly { readonly name: string; readonly partitionKey: KeyAttribute; readonly sortKey?: KeyAttribute }[]
}
export interface KeyAttribute {
  readonly name: string
  readonly type: 'S' | 'N' | 'B'
}

/** A failed condition is an answer, not a fault: the caller looks at it itself, and at `Item` if it asked for ALL_OLD. */
export const isConditionFailed = (error: unknown): error is Error & { Item?: Record<string, unknown> } =>
  (error as { name?: string }).name === 'ConditionalCheckFailedException'

type Command = Parameters<DynamoDBDocumentClient['send']>[0]

/** A call's span: of the command its name and table are told, of keys and items nothing. */
const asSpan = <T>(command: Command, send: () => Promise<T>): Promise<T> => {
  const { TableName: table = '' } = command.input as { TableName?: string }
  const summary = `${command.constructor.name.replace('Command', '')} ${table}`.trimEnd()
  return traced(summary, { kind: SpanKind.CLIENT, attributes: { 'db.system.name': 'aws.dynamodb', 'db.query.summary': summary } }, send)
}

/** The DynamoDB document client of a service, with deadlines and keep-alive. `table(definition)` gives the real table name. */
export class Dynamo implements OnApplicationShutdown {
  readonly client: DynamoDBClient
  private readonly documents: DynamoDBDocumentClient
  private readonly prefix: string

  constructor({ endpoint, region, tablePrefix = '' }: DynamoOptions) {
    this.prefix = tablePrefix
    this.client = new DynamoDBClient({
      region,
      ...(endpoint === undefined ? {} : { endpoint }),
      maxAttempts: 3,
      requestHandler: {
        connectionTimeout: 1_000,
        requestTimeout: 2_000,
        throwOnRequestTimeout: true,
        httpAgent: new Agent({ keepAlive: true, maxSockets: 64 }),
      },
    })
    this.documents = DynamoDBDocumentClient.from(this.client, { marshallOptions: { removeUndefinedValues: true } })
  }

  table(definition: TableDefinition): string {
    return this.prefix + definition.name
  }

  /**
   * Sends a document command. @throws AppError service.unavailable when DynamoDB is away or throttles; its own exceptions
   * (`isConditionFailed`, TransactionCanceledException) else
   */
  readonly send: DynamoDBDocumentClient['send'] = ((command: Command) =>
    asSpan(command, () => this.documents.send(command)).catch((error: unknown) => {
      if (isAway(error)) throw new AppError('service.unavailable', {}, { cause: error })
      // The document client leaves the item of a failed condition as it came.
      if (isConditionFailed(error) && error.Item !== undefined) error.Item = unmarshall(error.Item as Record<string, AttributeValue>)
      throw error
    })) as DynamoDBDocumentClient['send']

  onApplicationShutdown(): void {
    this.client.destroy()
  }
}

const isAway = (error: unknown): boolean => {
  const { name = '', code, $metadata } = error as { name?: string; code?: string; $metadata?: { httpStatusCode?: number } }
  if (
    /^(ProvisionedThroughputExceeded|Throttling|RequestLimitExceeded|InternalServerError|ServiceUnavailable|TimeoutError|CredentialsProviderError)/.test(
      name,
    )
  )
    return true
  return code === undefined ? $metadata?.httpStatusCode !== undefined && $metadata.httpStatusCode >= 500 : /^(E[A-Z]+)$/.test(code)
}

const keysOf = (definition: { partitionKey: KeyAttribute; sortKey?: KeyAttribute }): KeySchemaElement[] => [
  { AttributeName: definition.partitionKey.name, KeyType: 'HASH' },
  ...(definition.sortKey === undefined ? [] : [{ AttributeName: definition.sortKey.name, KeyType: 'RANGE' as const }]),
]

/** Creates the tables that are missing and switches their TTL on; safe to run twice and by two at once. */
export const createTables = async (dynamo: Dynamo, definitions: readonly TableDefinition[]): Promise<void> => {
  await Promise.all(definitions.map((definition) => createTable(dynamo, definition)))
}

const createTable = async (dynamo: Dynamo, definition: TableDefinition): Promise<void> => {
  const TableName = dynamo.table(definition)
  const exists = await dynamo.client.send(new DescribeTableCommand({ TableName })).then(
    () => true,
    (error: Error) => {
      if (error.name === 'ResourceNotFoundException') return false
      throw error
    },
  )
  if (exists) return
  const attributes = [definition, ...(definition.indexes ?? [])].flatMap(({ partitionKey, sortKey }) => [
    partitionKey,
    ...(sortKey === undefined ? [] : [sortKey]),
  ])
  const unique = new Map(attributes.map(({ name, type }) => [name, { AttributeName: name, AttributeType: type }]))
  await dynamo.client
    .send(
      new CreateTableCommand({
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: keysOf(definition),
        AttributeDefinitions: [...unique.values()],
        ...(definition.indexes === undefined
          ? {}
          : {
              GlobalSecondaryIndexes: definition.indexes.map((index) => ({
                IndexName: index.name,
                KeySchema: keysOf(index),
                Projection: { ProjectionType: 'ALL' as const },
              })),
            }),
      }),
    )
    .catch((error: Error) => {
      if (error.name !== 'ResourceInUseException') throw error
    })
  await waitUntilTableExists({ client: dynamo.client, maxWaitTime: 60, minDelay: 1, maxDelay: 2 }, { TableName })
  if (definition.ttl === undefined) return
  await dynamo.client
    .send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: { Enabled: true, AttributeName: definition.ttl } }))
    .catch((error: Error) => {
      if (!/already enabled/i.test(error.message)) throw error
    })
}
