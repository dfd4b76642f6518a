import pg from 'pg'
import { request } from 'undici'

/**
 * Where a text stands in a PostgreSQL database: the tables with a row whose text form holds one of `texts`, by name.
 * Example: `assert.deepEqual(await residueIn(url, [email, uuidOf(id)]), ['erasure'])`.
 * @param url of a role that may read all tables
 */
export const residueIn = async (url: string, texts: readonly string[]): Promise<string[]> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      "select tablename as name from pg_tables where schemaname = 'public' order by tablename",
    )
    const found: string[] = []
    for (const { name } of tables) {
      const rows = `select from ${client.escapeIdentifier(name)} as r where exists (select from unnest($1::text[]) as t(text) where strpos(r::text, t.text) > 0)`
      const { rowCount } = await client.query(`${rows} limit 1`, [texts])
      if (rowCount === 1) found.push(name)
    }
    return found
  } finally {
    await client.end()
  }
}

/** One call of DynamoDB Local, which takes any signature. */
const dynamodb = async <T>(endpoint: string, operation: string, body: object): Promise<T> => {
  const { body: answer } = await request(endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `DynamoDB_20120810.${operation}`,
      authorization: 'AWS4-HMAC-SHA256 Credential=local/20260101/local/dynamodb/aws4_request, SignedHeaders=host, Signature=0',
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  })
  return (await answer.json()) as T
}

/**
 * Where a text stands in DynamoDB Local: the tables with an item that holds one of `texts` anywhere, by name.
 * Example: `assert.deepEqual(await residueInDynamo(endpoint, [userId]), [])`.
 */
export const residueInDynamo = async (endpoint: string, texts: readonly string[]): Promise<string[]> => {
  const { TableNames } = await dynamodb<{ TableNames: string[] }>(endpoint, 'ListTables', {})
  const found = new Set<string>()
  for (const TableName of TableNames.toSorted()) {
    let start: object | undefined
    do {
      const page: { Items: object[]; LastEvaluatedKey?: object } = await dynamodb(endpoint, 'Scan', {
        TableName,
        ConsistentRead: true,
        ...(start === undefined ? {} : { ExclusiveStartKey: start }),
      })
      if (texts.some((text) => JSON.stringify(page.Items).includes(text))) found.add(TableName)
      start = page.LastEvaluatedKey
    } while (start !== undefined)
  }
  return [...found]
}
