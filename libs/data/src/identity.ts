import { readFileSync } from 'node:fs'
import { AppError, causesOf } from '@catamaran/platform'

/** Something secret that is asked for anew for each connection, since it changes: a password in a file, or a token. */
export type Secret = () => Promise<string>

/** A password that lies in a file, without the line's end; who rotates it writes the file anew. */
export const secretIn = (path: string): string => readFileSync(path, 'utf8').trim()

const METADATA = 'metadata.google.internal'
const METADATA_WITHIN_MS = 2_000

/** What Google's metadata server says of the workload's service account. */
const askMetadata = async (what: string, host: string): Promise<string> => {
  const url = `http://${host}/computeMetadata/v1/instance/service-accounts/default/${what}`
  const answer = await fetch(url, { headers: { 'metadata-flavor': 'Google' }, signal: AbortSignal.timeout(METADATA_WITHIN_MS) })
  if (!answer.ok) throw new Error(`the metadata server answered ${answer.status}`)
  return answer.text()
}

export interface GoogleToken {
  readonly token: string
  /** Epoch milliseconds. */
  readonly expiresAt: number
  /** The service account. */
  readonly email: string
}

/**
 * An OAuth access token of the workload's own service account (Workload Identity). Cloud SQL takes it as the password of an IAM user.
 * @param host where the metadata server is. Default: where it is on Google Cloud
 */
export const googleToken = async (host = METADATA): Promise<GoogleToken> => {
  const [answer, email] = await Promise.all([askMetadata('token', host), askMetadata('email', host)])
  const { access_token, expires_in } = JSON.parse(answer) as { access_token: string; expires_in: number }
  return { token: access_token, expiresAt: Date.now() + expires_in * 1_000, email }
}

/**
 * Node's codes for a certificate that does not prove who the server is, PostgreSQL's for who may not come in (28xxx), Redis's words for the same, and what
 * the providers of tokens say.
 */
const ADVICE: readonly [RegExp, string][] = [
  [/CERT_HAS_EXPIRED/, "the server's certificate has expired: renew it there"],
  [
    /ERR_TLS_CERT_ALTNAME_INVALID/,
    "the server's certificate is for another name: use the name that stands in it, or look whether this is the server",
  ],
  [
    /SELF_SIGNED_CERT|UNABLE_TO_(GET_ISSUER|VERIFY_LEAF)|DEPTH_ZERO|CERT_(UNTRUSTED|SIGNATURE)/,
    "the server's certificate is signed by nobody we trust: look whether the CA file (…_CA_FILE) holds the CA of this server",
  ],
  [
    /does not support SSL|ERR_SSL|EPROTO|wrong version number/,
    'the server speaks no TLS here, and we send nothing in clear: look at its port and settings',
  ],
  [
    /28P01|28000|WRONGPASS|NOAUTH|NOPERM|SASL/,
    'the server does not let us in: look at user and password, or at the identity and its rights',
  ],
  [/CredentialsProviderError|metadata server/, 'the workload has no identity: look at its service account and its role'],
]

/** What to do about a store that does not let us in, or whose certificate we don't take; undefined when it is something else. */
export const adviceFor = (error: unknown): string | undefined => {
  const { code = '', name = '' } = error as { code?: string; name?: string }
  const said = `${code} ${name} ${causesOf(error).join(' ')}`
  return ADVICE.find(([pattern]) => pattern.test(said))?.[1]
}

/** The error that a caller gets while a store is away: 503, with what to do in its log line where we know it. */
export const unavailable = (error: unknown): AppError => {
  const advice = adviceFor(error)
  return new AppError('service.unavailable', {}, { cause: advice === undefined ? error : new Error(advice, { cause: error }) })
}
