import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { Signer } from '@aws-sdk/rds-signer'
import { generateAuthTokenFromCredentialsProvider } from 'aws-msk-iam-sasl-signer-js'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ListTablesCommand } from '@aws-sdk/client-dynamodb'
import { awsToken } from '../src/aws-token.js'
import { Dynamo } from '../src/dynamo.js'
import { googleToken } from '../src/identity.js'

const credentials = () =>
  Promise.resolve({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret/of+the=test', sessionToken: 'a/session+token==' })
const region = 'eu-central-1'
const parts = (url: string): [string, ...string[]] => [url.replace(/\?.*$/, ''), ...url.replace(/^.*\?/, '').split('&').toSorted()]

test("the tokens for RDS and MSK are those of AWS's own signers", async () => {
  mock.timers.enable({ apis: ['Date'], now: Date.parse('2026-11-26T10:11:12Z') })
  try {
    const rds = { hostname: 'db.cluster-x.eu-central-1.rds.amazonaws.com', port: 5432, username: 'core', region }
    const query = { Action: 'connect', DBUser: 'core' }
    assert.deepEqual(
      parts(await awsToken({ service: 'rds-db', region, host: `${rds.hostname}:5432`, query, credentials })),
      parts(await new Signer({ ...rds, credentials }).getAuthToken()),
    )
    const theirs = await generateAuthTokenFromCredentialsProvider({ region, awsCredentialsProvider: credentials })
    const asked = { service: 'kafka-cluster', region, host: `kafka.${region}.amazonaws.com`, query: { Action: 'kafka-cluster:Connect' } }
    assert.deepEqual(
      parts(`https://${await awsToken({ ...asked, credentials })}`),
      parts(Buffer.from(theirs.token, 'base64url').toString()).filter((part) => !part.startsWith('User-Agent=')),
    )
  } finally {
    mock.timers.reset()
  }
})

/** What a platform offers a workload beside it: answers by path, and what was asked of it. */
const beside = async (answers: Record<string, string>) => {
  const asked: { path: string; headers: Record<string, unknown> }[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    asked.push({ path, headers: request.headers })
    response.writeHead(path in answers ? 200 : 404).end(answers[path])
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const port = (server.address() as AddressInfo).port
  return { asked, port, close: () => server.close() }
}

test("on Google Cloud the token is the service account's, as the metadata server gives it", async () => {
  const account = '/computeMetadata/v1/instance/service-accounts/default'
  const token = JSON.stringify({ access_token: 'ya29.token', expires_in: 3599, token_type: 'Bearer' })
  const metadata = await beside({ [`${account}/token`]: token, [`${account}/email`]: 'core@project.iam.gserviceaccount.com' })
  try {
    const given = await googleToken(`127.0.0.1:${metadata.port}`)
    assert.deepEqual([given.token, given.email], ['ya29.token', 'core@project.iam.gserviceaccount.com'])
    assert.ok(metadata.asked.every(({ headers }) => headers['metadata-flavor'] === 'Google'))
  } finally {
    metadata.close()
  }
})

test('DynamoDB is asked in the name of the workload: its role, without a key of ours anywhere', async () => {
  const role = JSON.stringify({
    AccessKeyId: 'ASIAROLE',
    SecretAccessKey: 's',
    Token: 'of-the-pod',
    Expiration: new Date(Date.now() + 3_600_000).toISOString(),
  })
  const [platform, dynamodb] = await Promise.all([beside({ '/role': role }), beside({ '/': '{"TableNames":[]}' })])
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = process.env
  delete process.env['AWS_ACCESS_KEY_ID']
  delete process.env['AWS_SECRET_ACCESS_KEY']
  process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = `http://127.0.0.1:${platform.port}/role`
  const dynamo = new Dynamo({ endpoint: `http://127.0.0.1:${dynamodb.port}`, region: 'eu-central-1' })
  try {
    await dynamo.client.send(new ListTablesCommand({}))
    const headers = dynamodb.asked[0]?.headers ?? {}
    assert.match(String(headers['authorization']), /Credential=ASIAROLE\//)
    assert.equal(headers['x-amz-security-token'], 'of-the-pod')
  } finally {
    dynamo.onApplicationShutdown()
    platform.close()
    dynamodb.close()
    delete process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI']
    Object.assign(process.env, {
      ...(id === undefined ? {} : { AWS_ACCESS_KEY_ID: id }),
      ...(secret === undefined ? {} : { AWS_SECRET_ACCESS_KEY: secret }),
    })
  }
})
