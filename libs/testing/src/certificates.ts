import { createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'

/** A certificate and its key, as PEM. */
export interface Identity {
  readonly cert: string
  readonly key: string
}

const der = (tag: number, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts)
  const size = body.length < 128 ? [body.length] : body.length < 256 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), body])
}
const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, ...parts)
const objectId = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'))
const time = (ms: number): Buffer => der(0x17, Buffer.from(`${new Date(ms).toISOString().slice(2, 19).replace(/[-T:]/g, '')}Z`))
const name = (common: string): Buffer => sequence(der(0x31, sequence(objectId('550403'), der(0x0c, Buffer.from(common)))))
const pem = (label: string, bytes: Buffer): string =>
  `-----BEGIN ${label}-----\n${(bytes.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END ${label}-----\n`

const ECDSA_SHA256 = sequence(objectId('2a8648ce3d040302'))
const BASIC_CONSTRAINTS = '551d13'
const ALTERNATIVE_NAMES = '551d11'
const DAY_MS = 24 * 3_600_000

const extension = (id: string, value: Buffer): Buffer => sequence(objectId(id), der(0x04, value))
const isCa = (is: boolean): Buffer => extension(BASIC_CONSTRAINTS, sequence(...(is ? [der(0x01, Buffer.from([0xff]))] : [])))
const alternative = (host: string): Buffer =>
  isIP(host) === 4 ? der(0x87, Buffer.from(host.split('.').map(Number))) : der(0x82, Buffer.from(host))

/**
 * A certificate authority of one test: it signs certificates (X.509 v3, RFC 5280) with keys on P-256.
 * Example: `const ca = new TestCa(); ca.issue(['localhost', '127.0.0.1'])`.
 */
export class TestCa {
  /** What a client trusts. */
  readonly cert: string
  private readonly key: KeyObject
  private readonly common = `Test CA ${randomBytes(4).toString('hex')}`

  constructor() {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.key = privateKey
    this.cert = this.sign(this.common, privateKey, [isCa(true)], Date.now() + DAY_MS)
  }

  /** A server's certificate for these names and IPv4 addresses. @param expiresAt epoch milliseconds. Default: in a day */
  issue(hosts: readonly string[], expiresAt = Date.now() + DAY_MS): Identity {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const names = extension(ALTERNATIVE_NAMES, sequence(...hosts.map(alternative)))
    return {
      cert: this.sign(hosts[0] ?? 'nobody', privateKey, [isCa(false), names], expiresAt),
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    }
  }

  private sign(subject: string, key: KeyObject, extensions: readonly Buffer[], expiresAt: number): string {
    const toSign = sequence(
      der(0xa0, der(0x02, Buffer.from([2]))),
      der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
      ECDSA_SHA256,
      name(this.common),
      sequence(time(Math.min(Date.now(), expiresAt) - DAY_MS), time(expiresAt)),
      name(subject),
      createPublicKey(key).export({ type: 'spki', format: 'der' }),
      der(0xa3, sequence(...extensions)),
    )
    return pem('CERTIFICATE', sequence(toSign, ECDSA_SHA256, der(0x03, Buffer.from([0]), sign('sha256', toSign, this.key))))
  }
}
