import { createHash, createHmac } from 'node:crypto'
import { defaultProvider } from '@aws-sdk/credential-provider-node'

/** The credentials that a workload has: from its pod's or task's role, renewed before they end. None of ours is kept anywhere. */
const workload = defaultProvider()

export interface AwsTokenOptions {
  /** As IAM knows it: `rds-db`, `kafka-cluster`. */
  readonly service: string
  readonly region: string
  /** The host that the signature is for, with its port where that is part of it. */
  readonly host: string
  /** What is asked for, for example `{ Action: 'connect', DBUser: 'core' }`. */
  readonly query: Readonly<Record<string, string>>
  /** Default: as the AWS SDK finds them (environment, web identity, container, instance). */
  readonly credentials?: () => Promise<{ accessKeyId: string; secretAccessKey: string; sessionToken?: string }>
}

/** Good for opening connections for so long; a connection that is open stays. */
const LIFE_S = 900

const hex = (text: string): string => createHash('sha256').update(text).digest('hex')
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

/**
 * A token that proves to a managed store of AWS who we are: a request that is signed in its URL (Signature Version 4, query string authentication), and never
 * sent. RDS takes it as the password, MSK as an OAuth token.
 * @returns `<host>/?…&X-Amz-Signature=…`, without the scheme
 * @throws CredentialsProviderError where the workload has no identity
 * @example `await awsToken({ service: 'rds-db', region, host: 'db.example:5432', query: { Action: 'connect', DBUser: 'core' } })`
 */
export const awsToken = async ({ service, region, host, query, credentials = workload }: AwsTokenOptions): Promise<string> => {
  const { accessKeyId, secretAccessKey, sessionToken } = await credentials()
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
  const day = time.slice(0, 8)
  const scope = `${day}/${region}/${service}/aws4_request`
  const all = {
    ...query,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${accessKeyId}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(LIFE_S),
    ...(sessionToken === undefined ? {} : { 'X-Amz-Security-Token': sessionToken }),
    'X-Amz-SignedHeaders': 'host',
  }
  const sorted = Object.entries(all)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .toSorted()
    .join('&')
  const request = ['GET', '/', sorted, `host:${host}`, '', 'host', hex('')].join('\n')
  const key = [day, region, service, 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`)
  const signature = hmac(key, ['AWS4-HMAC-SHA256', time, scope, hex(request)].join('\n')).toString('hex')
  return `${host}/?${sorted}&X-Amz-Signature=${signature}`
}
