import { awsToken, googleToken, secretIn } from '@catamaran/data'
import { env, refuseConfig } from '@catamaran/platform'
import type { KafkaConfig as ClientConfig, SASLOptions } from 'kafkajs'
import { z } from 'zod'

/** Environment variables of Kafka, for a service's configuration schema. */
export const kafkaEnv = {
  KAFKA_BROKERS: env.list,
  KAFKA_TOPIC_PREFIX: z.string().default(''),
  KAFKA_TLS: z.enum(['true', 'false']).default('false'),
  /** The CA of the brokers' certificates (PEM). Default: those that Node trusts. */
  KAFKA_CA_FILE: env.certificates.optional(),
  /** How the brokers know us. Passwords and tokens are read, or asked for, for each connection. */
  KAFKA_AUTH: z.enum(['none', 'scram-sha-512', 'token-file', 'aws-iam', 'google-iam']).default('none'),
  KAFKA_USERNAME: env.text.optional(),
  KAFKA_PASSWORD_FILE: env.file.optional(),
  /** An OAuth token, as a platform puts it into a pod and renews it. */
  KAFKA_TOKEN_FILE: env.file.optional(),
}

const kafka = z.object(kafkaEnv)
type Flat = z.infer<typeof kafka> & { AWS_REGION?: string | undefined }

/** The same, nested for `KafkaStrategy`, `OutboxRelay` and `createTopics`. */
export const kafkaConfig = (flat: Flat): KafkaConfig => ({
  brokers: flat.KAFKA_BROKERS,
  topicPrefix: flat.KAFKA_TOPIC_PREFIX,
  ssl: tlsOf(flat),
  sasl: saslOf(flat),
})

/** Where Kafka is, how each side knows the other, and what stands before the name of every topic and group (tests share a broker). */
export interface KafkaConfig {
  readonly brokers: string[]
  readonly topicPrefix: string
  readonly ssl?: ClientConfig['ssl']
  readonly sasl?: SASLOptions | undefined
}

const tlsOf = ({ KAFKA_TLS, KAFKA_CA_FILE: ca, KAFKA_AUTH }: Flat): ClientConfig['ssl'] => {
  const isOn = KAFKA_TLS === 'true'
  if (!isOn && ca !== undefined) refuseConfig('KAFKA_TLS', 'expected true where KAFKA_CA_FILE is set')
  // Who reads a token on its way is us until it ends.
  if (!isOn && KAFKA_AUTH !== 'none') refuseConfig('KAFKA_TLS', `expected true where KAFKA_AUTH is ${KAFKA_AUTH}`)
  return isOn && { minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) }
}

const need = (flat: Flat, key: keyof Flat): string =>
  (flat[key] as string | undefined) ?? refuseConfig(key, `is missing, and KAFKA_AUTH is ${flat.KAFKA_AUTH}`)

const oauth = (token: () => Promise<string>): SASLOptions => ({
  mechanism: 'oauthbearer',
  oauthBearerProvider: async () => ({ value: await token() }),
})

const saslOf = (flat: Flat): SASLOptions | undefined => {
  switch (flat.KAFKA_AUTH) {
    case 'none':
      return undefined
    case 'scram-sha-512': {
      const [username, file] = [need(flat, 'KAFKA_USERNAME'), need(flat, 'KAFKA_PASSWORD_FILE')]
      // kafkajs looks at it for each connection.
      return {
        mechanism: 'scram-sha-512',
        username,
        get password() {
          return secretIn(file)
        },
      }
    }
    case 'token-file': {
      const file = need(flat, 'KAFKA_TOKEN_FILE')
      return oauth(() => Promise.resolve().then(() => secretIn(file)))
    }
    case 'aws-iam': {
      const region = need(flat, 'AWS_REGION')
      return oauth(() => mskToken(region))
    }
    case 'google-iam':
      return oauth(managedKafkaToken)
  }
}

const base64url = (text: string): string => Buffer.from(text).toString('base64url')

/** What Amazon MSK takes for IAM: a signed request as an OAuth token. */
export const mskToken = async (region: string, credentials?: Parameters<typeof awsToken>[0]['credentials']): Promise<string> => {
  const query = { Action: 'kafka-cluster:Connect' }
  const host = `kafka.${region}.amazonaws.com`
  const signed = await awsToken({ service: 'kafka-cluster', region, host, query, ...(credentials === undefined ? {} : { credentials }) })
  return base64url(`https://${signed}&User-Agent=catamaran`)
}

/** What Google's Managed Service for Apache Kafka takes: an access token in the clothes of a JWT. @param host of the metadata server, for tests */
export const managedKafkaToken = async (host?: string): Promise<string> => {
  const { token, expiresAt, email } = await googleToken(host)
  const claims = { exp: Math.floor(expiresAt / 1_000), iat: Math.floor(Date.now() / 1_000), iss: 'Google', scope: 'kafka', sub: email }
  return [JSON.stringify({ typ: 'JWT', alg: 'GOOG_OAUTH2_TOKEN' }), JSON.stringify(claims), token].map(base64url).join('.')
}
