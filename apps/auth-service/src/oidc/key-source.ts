import { unwatchFile, watchFile } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { Config } from '../config.js'

const LOOK_EVERY_MS = 1_000
const ASK_WITHIN_MS = 3_000

/** Where the signing keys are kept: a JSON text that may change. */
export interface KeySource {
  /** What to call it in an error. */
  readonly name: string
  /** The text as it is now. What it throws says nothing of the text. */
  read(): Promise<string>
  /** Calls `look` whenever the text may have changed, until the answer is called. */
  watch(look: () => void): () => void
}

/** A file, looked at each second. */
export const keyFile = (path: string): KeySource => ({
  name: `the signing keys file ${path}`,
  read: () => readFile(path, 'utf8'),
  watch: (look) => {
    watchFile(path, { interval: LOOK_EVERY_MS, persistent: false }, look)
    return () => unwatchFile(path, look)
  },
})

export interface SecretOptions {
  secretId: string
  region: string
  /** Undefined: the region's own service. */
  endpoint?: string | undefined
  pollMs: number
}

/** A secret of AWS Secrets Manager, asked for anew every `pollMs` (`GetSecretValue`, the version staged as AWSCURRENT). */
export const keySecret = ({ secretId, region, endpoint, pollMs }: SecretOptions): KeySource => {
  const client = new SecretsManagerClient({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    maxAttempts: 2,
    requestHandler: { connectionTimeout: 1_000, requestTimeout: ASK_WITHIN_MS, throwOnRequestTimeout: true },
  })
  return {
    name: `the secret ${secretId}`,
    read: async () => {
      const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: secretId }))
      if (SecretString === undefined) throw new Error('the secret holds no text')
      return SecretString
    },
    watch: (look) => {
      const timer = setInterval(look, pollMs).unref()
      return () => {
        clearInterval(timer)
        client.destroy()
      }
    },
  }
}

/** The one source that the configuration names. */
export const keySourceOf = ({ signingKeys }: Config['oidc']): KeySource =>
  signingKeys.file === undefined ? keySecret(signingKeys.secret) : keyFile(signingKeys.file)
