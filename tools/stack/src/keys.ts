import { createHash, createHmac, generateKeyPair, randomBytes, type JsonWebKey, type KeyObject } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const generate = promisify(generateKeyPair)

/** The names of the databases and of their only roles. */
export const DATABASES = ['auth', 'core', 'aux'] as const
export type DatabaseName = (typeof DATABASES)[number]

export interface Secrets {
  readonly postgresPassword: string
  readonly cookieKeys: string
  readonly flagsSdkKey: string
  readonly pspApiKey: string
  readonly pspCallbackSecret: string
  /** What the demo partner's webhooks are signed with. */
  readonly webhookSecret: string
}

export interface KeyFiles {
  readonly signingKeys: string
  /** Public keys of the services, one file each. */
  readonly publicKeysDir: string
  readonly privateKeyOf: (service: string) => string
}

const secret = () => randomBytes(24).toString('base64url')

export const newSecrets = (): Secrets => ({
  postgresPassword: secret(),
  cookieKeys: `${secret()},${secret()}`,
  flagsSdkKey: `sdk-${secret()}`,
  pspApiKey: `sk_${secret()}`,
  pspCallbackSecret: secret(),
  webhookSecret: `whsec_${randomBytes(32).toString('base64')}`,
})

/** Passwords and keys of one data folder, made once. */
export function readSecrets(dataDir: string): Secrets {
  const path = join(dataDir, 'keys', 'secrets.json')
  const kept = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Partial<Secrets>) : {}
  const secrets: Secrets = { ...newSecrets(), ...kept }
  // A data folder of an earlier release lacks what is new.
  if (Object.keys(kept).length < Object.keys(secrets).length) write(path, secrets)
  return secrets
}

/**
 * The password of each database's role. It follows from the admin's, so that two copies of the system on one server of one's own
 * don't lock each other out.
 */
export function databasePasswords(adminUrl: string, secrets: Secrets): Record<DatabaseName, string> {
  const key = new URL(adminUrl).password || secrets.postgresPassword
  const passwords = DATABASES.map((name) => [name, createHmac('sha256', key).update(name).digest('base64url')])
  return Object.fromEntries(passwords) as Record<DatabaseName, string>
}

/** What a service seals stored secrets with, each with a key of its own. It follows from the admin's password for the same reason. */
export function dataKey(service: 'auth' | 'aux', adminUrl: string, secrets: Secrets): string {
  const key = new URL(adminUrl).password || secrets.postgresPassword
  return createHmac('sha256', key)
    .update(service === 'auth' ? 'data key' : `data key of ${service}`)
    .digest('base64url')
}

/** The signing keys of auth-service and one key pair for each service, made once: Ed25519 for tokens, RS256 for ID tokens, two of each. */
export async function makeKeys(dataDir: string, services: readonly string[]): Promise<KeyFiles> {
  const dir = join(dataDir, 'keys')
  const files: KeyFiles = {
    signingKeys: join(dir, 'signing.json'),
    publicKeysDir: join(dir, 'services'),
    privateKeyOf: (service) => join(dir, `${service}.json`),
  }
  if (!existsSync(files.signingKeys)) write(files.signingKeys, { keys: await Promise.all([ed25519(), ed25519(), rsa(), rsa()]) })
  for (const service of services) {
    const path = files.privateKeyOf(service)
    if (!existsSync(path)) write(path, await ed25519())
    const { d: _private, ...publicKey } = JSON.parse(readFileSync(path, 'utf8')) as JsonWebKey
    write(join(files.publicKeysDir, `${service}.json`), publicKey)
  }
  return files
}

const ed25519 = async () => toJwk((await generate('ed25519')).privateKey, 'EdDSA')
const rsa = async () => toJwk((await generate('rsa', { modulusLength: 3072 })).privateKey, 'RS256')

function toJwk(key: KeyObject, alg: string): JsonWebKey {
  const jwk = key.export({ format: 'jwk' })
  return { ...jwk, kid: thumbprint(jwk), alg, use: 'sig' }
}

/** RFC 7638: the hash of the members that make the key, in alphabetical order. */
function thumbprint({ crv, e, kty, n, x }: JsonWebKey): string {
  const members = kty === 'RSA' ? { e, kty, n } : { crv, kty, x }
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url')
}

function write(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(`${path}.part`, `${JSON.stringify(value, undefined, 2)}\n`, { mode: 0o600 })
  renameSync(`${path}.part`, path)
}
