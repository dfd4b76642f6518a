import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { ConfigError, readConfig } from '@catamaran/platform'
import { z } from 'zod'
import { kafkaConfig, kafkaEnv, managedKafkaToken, mskToken } from './env.js'

const read = (env: Record<string, string>) => readConfig(z.object(kafkaEnv).transform(kafkaConfig), { KAFKA_BROKERS: 'a:9098', ...env })

describe('the configuration of Kafka', () => {
  it('names what is missing for the way that was chosen, and sends no secret in clear', () => {
    const wrong: Record<string, Record<string, string>> = {
      KAFKA_TLS: { KAFKA_AUTH: 'token-file', KAFKA_TOKEN_FILE: import.meta.filename },
      KAFKA_USERNAME: { KAFKA_AUTH: 'scram-sha-512', KAFKA_TLS: 'true' },
      KAFKA_PASSWORD_FILE: { KAFKA_AUTH: 'scram-sha-512', KAFKA_TLS: 'true', KAFKA_USERNAME: 'core' },
      KAFKA_TOKEN_FILE: { KAFKA_AUTH: 'token-file', KAFKA_TLS: 'true' },
      AWS_REGION: { KAFKA_AUTH: 'aws-iam', KAFKA_TLS: 'true' },
      KAFKA_AUTH: { KAFKA_AUTH: 'plain' },
    }
    for (const [key, env] of Object.entries(wrong))
      assert.throws(
        () => read(env),
        (error) => error instanceof ConfigError && error.message.includes(`  ${key}: `),
        `${key} is named`,
      )
    assert.deepEqual([read({}).ssl, read({}).sasl], [false, undefined])
  })

  it('makes a token for MSK of a signed request, and for Google of an access token', async () => {
    const credentials = () => Promise.resolve({ accessKeyId: 'AKID', secretAccessKey: 's' })
    const url = new URL(Buffer.from(await mskToken('eu-central-1', credentials), 'base64url').toString())
    assert.deepEqual([url.host, url.searchParams.get('Action')], ['kafka.eu-central-1.amazonaws.com', 'kafka-cluster:Connect'])
    assert.ok(url.searchParams.has('X-Amz-Signature') && url.searchParams.has('User-Agent'))

    const answers = { token: JSON.stringify({ access_token: 'ya29.t', expires_in: 60 }), email: 'core@p.iam.gserviceaccount.com' }
    const metadata = createServer((request, response) => response.end(answers[request.url?.split('/').at(-1) as 'token' | 'email']))
    await new Promise<void>((resolve) => metadata.listen(0, '127.0.0.1', resolve))
    const token = await managedKafkaToken(`127.0.0.1:${(metadata.address() as AddressInfo).port}`)
    metadata.close()
    const [, claims = '', inside = ''] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString())
    assert.deepEqual([(JSON.parse(claims) as { sub: string }).sub, inside], [answers.email, 'ya29.t'])
  })
})
