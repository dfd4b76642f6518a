import { createHash, generateKeyPairSync, randomBytes, sign, type JsonWebKey } from 'node:crypto'

const FLAGS = { userPresent: 0x01, userVerified: 0x04, backupEligible: 0x08, backedUp: 0x10, attested: 0x40 }

const sha256 = (data: string | Buffer): Buffer => createHash('sha256').update(data).digest()

/** The few shapes of CBOR (RFC 8949) that an attestation without a statement is made of, each as short as it can be. */
const head = (major: number, value: number): Buffer => {
  if (value < 24) return Buffer.from([(major << 5) | value])
  return value < 256 ? Buffer.from([(major << 5) | 24, value]) : Buffer.from([(major << 5) | 25, value >> 8, value & 0xff])
}
const cbor = (value: number | string | Buffer | [unknown, unknown][]): Buffer => {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value)
  if (typeof value === 'string') return Buffer.concat([head(3, value.length), Buffer.from(value)])
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value])
  return Buffer.concat([head(5, value.length), ...value.flatMap((pair) => pair.map((part) => cbor(part as never)))])
}

/** Members of a COSE key (RFC 9053): EC2, ES256, P-256. */
const COSE_ES256: [unknown, unknown][] = [
  [1, 2],
  [3, -7],
  [-1, 1],
]

export interface Ceremony {
  challenge: string
}

export interface Behaviour {
  origin?: string
  isVerified?: boolean
  isBackedUp?: boolean
  signCount?: number
  userHandle?: string
}

/** An authenticator in software with one discoverable credential: P-256, no attestation. Says what it is told to, also what a real one would not. */
export class Authenticator {
  signCount = 0
  userHandle = ''
  readonly credentialId = randomBytes(32)
  private readonly keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })

  constructor(
    private readonly origin: string,
    /** Whether its credential can be synced to other devices. */
    private readonly isBackupEligible = true,
  ) {}

  /** What `navigator.credentials.create` would give, as JSON. */
  create(options: Ceremony & { user?: unknown }, behaviour: Behaviour = {}): Record<string, unknown> {
    this.userHandle = (options.user as { id?: string } | undefined)?.id ?? ''
    const { x = '', y = '' } = this.keys.publicKey.export({ format: 'jwk' }) as JsonWebKey
    const coordinate = (text: unknown): Buffer => Buffer.from(String(text), 'base64url')
    const publicKey = cbor([...COSE_ES256, [-2, coordinate(x)], [-3, coordinate(y)]])
    const length = Buffer.from([0, this.credentialId.length])
    const attested = Buffer.concat([Buffer.alloc(16), length, this.credentialId, publicKey])
    const authData = Buffer.concat([this.authenticatorData(FLAGS.attested, behaviour), attested])
    const attestationObject = cbor([
      ['fmt', 'none'],
      ['attStmt', []],
      ['authData', authData],
    ])
    return this.credential({
      clientDataJSON: this.clientData('webauthn.create', options, behaviour).toString('base64url'),
      attestationObject: attestationObject.toString('base64url'),
      transports: ['internal', 'hybrid'],
    })
  }

  /** What `navigator.credentials.get` would give, as JSON. */
  get(options: Ceremony, behaviour: Behaviour = {}): Record<string, unknown> {
    const clientData = this.clientData('webauthn.get', options, behaviour)
    const authenticatorData = this.authenticatorData(0, behaviour)
    const signature = sign('sha256', Buffer.concat([authenticatorData, sha256(clientData)]), this.keys.privateKey)
    return this.credential({
      clientDataJSON: clientData.toString('base64url'),
      authenticatorData: authenticatorData.toString('base64url'),
      signature: signature.toString('base64url'),
      userHandle: behaviour.userHandle ?? this.userHandle,
    })
  }

  private credential(response: object): Record<string, unknown> {
    const id = this.credentialId.toString('base64url')
    return { id, rawId: id, type: 'public-key', authenticatorAttachment: 'platform', clientExtensionResults: {}, response }
  }

  private clientData(type: string, { challenge }: Ceremony, { origin = this.origin }: Behaviour): Buffer {
    return Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }))
  }

  private authenticatorData(more: number, { isVerified = true, isBackedUp = false, signCount = this.signCount }: Behaviour): Buffer {
    const flags =
      FLAGS.userPresent |
      (isVerified ? FLAGS.userVerified : 0) |
      (this.isBackupEligible ? FLAGS.backupEligible : 0) |
      (isBackedUp ? FLAGS.backedUp : 0) |
      more
    const count = Buffer.alloc(4)
    count.writeUInt32BE(signCount)
    return Buffer.concat([sha256(new URL(this.origin).hostname), Buffer.from([flags]), count])
  }
}
