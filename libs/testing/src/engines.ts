/** Where the engines of a test run are; `npm test` starts them once and says so in TEST_ENGINES. */
export interface Engines {
  /** A PostgreSQL URL that may create databases and roles. */
  readonly databaseUrl: string
  readonly redisUrl: string
  readonly dynamodbEndpoint: string
  readonly kafkaBrokers: readonly string[]
}

/**
 * The engines of this test run.
 * @throws Error when the tests were not started by `npm test`
 */
export const testEngines = (): Engines => {
  const given = process.env['TEST_ENGINES'] // the one way from the launcher into a test process
  if (given === undefined || given === '')
    throw new Error(
      'These tests need PostgreSQL, Redis, DynamoDB and Kafka. Run them with `npm test`, or `npm test <package>` for one package.',
    )
  return JSON.parse(given) as Engines
}
