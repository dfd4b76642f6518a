import { Inject, Injectable } from '@nestjs/common'
import { idOf, newId, uuidOf, type Id, type UserId } from '@catamaran/contracts'
import { AppError, logFields } from '@catamaran/platform'
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
  type AuthenticationResponseJSON,
  type RegistrationResponseJSON,
  type VerifiedAuthenticationResponse,
  type VerifiedRegistrationResponse,
} from '@simplewebauthn/server'
import { CLOCK, CONFIG, type Clock, type Config } from '../config.js'
import { MailRepository } from '../mail/mail.repository.js'
import { MailWorker } from '../mail/mail.worker.js'
import { UsersService } from '../users/users.service.js'
import { Challenges } from './challenges.js'
import { PasskeysRepository, type PasskeyRow } from './passkeys.repository.js'
import type { AddPasskey, AuthenticationResponse, Passkey, PasskeyOptions, RegistrationResponse } from './passkeys.schema.js'

export const MOST_PASSKEYS = 20
const TIMEOUT_MS = 300_000
/** EdDSA, ES256, RS256: what authenticators make. */
const ALGORITHMS = [-8, -7, -257]

export type PasskeyId = Id<'passkey'>

/** Somebody who signed in with a passkey. */
export interface PasskeySignIn {
  readonly userId: UserId
  /** How (RFC 8176): the kind of key, that the person was there, and that this makes two factors. */
  readonly amr: string[]
}

/** A user's handle towards authenticators: the bytes of the UUID, which name nobody. */
const handleOf = (userId: UserId): Buffer => Buffer.from(uuidOf(userId).replaceAll('-', ''), 'hex')

const wireOf = ({ id, name, createdAt, lastUsedAt, isBackedUp }: PasskeyRow): Passkey => ({
  ...{ id: idOf('passkey', id), name, createdAt: createdAt.toISOString() },
  ...{ lastUsedAt: lastUsedAt?.toISOString() ?? null, isSynced: isBackedUp },
})

/** The id and transports of a passkey, as browsers are told to look for it. */
const descriptorOf = ({ credentialId, transports }: PasskeyRow) => ({
  id: credentialId.toString('base64url'),
  transports,
})

const refuse = (reason: string): undefined => {
  logFields({ passkeyRefused: reason })
  return undefined
}

/** Passkeys (Web Authentication Level 3): discoverable credentials that verify the person, so that one is two factors. */
@Injectable()
export class PasskeysService {
  private readonly origin: string
  private readonly rpID: string

  constructor(
    private readonly repository: PasskeysRepository,
    private readonly challenges: Challenges,
    private readonly users: UsersService,
    private readonly mail: MailRepository,
    private readonly worker: MailWorker,
    @Inject(CONFIG) config: Config,
    @Inject(CLOCK) private readonly now: Clock,
  ) {
    const { origin, hostname } = new URL(config.service.issuer)
    this.origin = origin
    this.rpID = hostname
  }

  async list(userId: UserId): Promise<Passkey[]> {
    return (await this.repository.list(uuidOf(userId))).map(wireOf)
  }

  async has(userId: UserId): Promise<boolean> {
    return (await this.repository.list(uuidOf(userId))).length > 0
  }

  /** @throws AppError identity.passkey-not-found */
  async require(userId: UserId, id: PasskeyId): Promise<Passkey> {
    const found = (await this.list(userId)).find((passkey) => passkey.id === id)
    if (found === undefined) throw new AppError('identity.passkey-not-found')
    return found
  }

  /** Options for `navigator.credentials.create`, with a challenge for this person. */
  async registrationOptions(userId: UserId): Promise<PasskeyOptions> {
    const [user, known] = await Promise.all([this.users.findUser(userId), this.repository.list(uuidOf(userId))])
    if (user === undefined) throw new AppError('auth.token-invalid')
    const options = await generateRegistrationOptions({
      ...{ rpName: 'Catamaran', rpID: this.rpID, timeout: TIMEOUT_MS, attestationType: 'none' },
      ...{ userID: Uint8Array.from(handleOf(userId)), userName: user.email, userDisplayName: user.email },
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      excludeCredentials: known.map(descriptorOf),
      supportedAlgorithmIDs: ALGORITHMS,
    })
    await this.challenges.remember('PasskeyRegistration', options.challenge, userId)
    return { ...options }
  }

  /** Adds a passkey that answers a challenge of this person. @throws AppError identity.passkey-invalid, identity.passkey-limit */
  async add(userId: UserId, { name, credential }: AddPasskey): Promise<Passkey> {
    const { registrationInfo } = await this.verifyRegistration(userId, credential)
    if (registrationInfo === undefined) throw new AppError('identity.passkey-invalid')
    const { credential: made, aaguid, credentialDeviceType, credentialBackedUp } = registrationInfo
    const row = {
      ...{ id: uuidOf(newId('passkey')), userId: uuidOf(userId), name, aaguid, createdAt: new Date(this.now()) },
      ...{ credentialId: Buffer.from(made.id, 'base64url'), publicKey: Buffer.from(made.publicKey), signCount: made.counter },
      transports: credential.response.transports ?? [],
      ...{ isBackupEligible: credentialDeviceType === 'multiDevice', isBackedUp: credentialBackedUp },
    }
    const isAdded = await this.repository.insert(row, MOST_PASSKEYS, (tx) =>
      this.mail.insertMailToUser(tx, uuidOf(userId), 'passkey_added', { name }),
    )
    if (!isAdded) {
      const isFull = (await this.repository.list(uuidOf(userId))).length >= MOST_PASSKEYS
      throw new AppError(isFull ? 'identity.passkey-limit' : 'identity.passkey-invalid')
    }
    this.worker.wake()
    return wireOf({ ...row, lastUsedAt: null })
  }

  /** @throws AppError identity.passkey-not-found */
  async rename(userId: UserId, id: PasskeyId, name: string): Promise<Passkey> {
    const row = await this.repository.rename(uuidOf(id), uuidOf(userId), name)
    if (row === undefined) throw new AppError('identity.passkey-not-found')
    return wireOf(row)
  }

  /** @throws AppError identity.passkey-not-found */
  async remove(userId: UserId, id: PasskeyId): Promise<void> {
    const removed = await this.repository.delete(uuidOf(id), uuidOf(userId), (tx, name) =>
      this.mail.insertMailToUser(tx, uuidOf(userId), 'passkey_removed', { name }),
    )
    if (removed === undefined) throw new AppError('identity.passkey-not-found')
    this.worker.wake()
  }

  /** Options for `navigator.credentials.get`, with a challenge for this interaction: any passkey will do, or only those of one person. */
  async signInOptions(interaction: string, userId?: UserId): Promise<PasskeyOptions> {
    const known = userId === undefined ? [] : await this.repository.list(uuidOf(userId))
    const options = await generateAuthenticationOptions({
      ...{ rpID: this.rpID, timeout: TIMEOUT_MS, userVerification: 'required' },
      allowCredentials: known.map(descriptorOf),
    })
    await this.challenges.remember('PasskeySignIn', options.challenge, interaction)
    return { ...options }
  }

  /** Whose passkey answered a challenge of this interaction; undefined when it is not accepted, and the log says why. */
  async signIn(interaction: string, response: AuthenticationResponse): Promise<PasskeySignIn | undefined> {
    const challenge = await this.challenges.take('PasskeySignIn', response.response.clientDataJSON, interaction)
    if (challenge === undefined) return refuse('challenge')
    const row = await this.repository.findByCredential(Buffer.from(response.id, 'base64url'))
    if (row === undefined) return refuse('unknown credential')
    const userId = idOf('user', row.userId)
    const handle = response.response.userHandle ?? undefined
    if (handle !== undefined && handle !== handleOf(userId).toString('base64url')) return refuse('user handle')
    const info = await this.verifySignIn(row, challenge, response)
    if (info === undefined) return undefined
    const isCounted = await this.repository.markUsed(row.id, info.newCounter, info.credentialBackedUp, new Date(this.now()))
    return isCounted ? { userId, amr: [row.isBackupEligible ? 'swk' : 'hwk', 'user', 'mfa'] } : refuse('counter')
  }

  private async verifyRegistration(userId: UserId, credential: RegistrationResponse): Promise<VerifiedRegistrationResponse> {
    const challenge = await this.challenges.take('PasskeyRegistration', credential.response.clientDataJSON, userId)
    if (challenge === undefined) throw new AppError('identity.passkey-invalid')
    return verifyRegistrationResponse({
      response: credential as unknown as RegistrationResponseJSON,
      ...{ expectedChallenge: challenge, expectedOrigin: this.origin, expectedRPID: this.rpID },
      ...{ requireUserVerification: true, supportedAlgorithmIDs: ALGORITHMS },
    }).catch((cause: unknown) => {
      // What the library refuses is the caller's doing: a wrong origin, an unknown format, nobody verified.
      throw new AppError('identity.passkey-invalid', {}, { cause })
    })
  }

  private async verifySignIn(
    { publicKey, signCount, credentialId }: PasskeyRow,
    challenge: string,
    response: AuthenticationResponse,
  ): Promise<VerifiedAuthenticationResponse['authenticationInfo'] | undefined> {
    const verifying = verifyAuthenticationResponse({
      response: response as unknown as AuthenticationResponseJSON,
      ...{ expectedChallenge: challenge, expectedOrigin: this.origin, expectedRPID: this.rpID, requireUserVerification: true },
      credential: { id: credentialId.toString('base64url'), publicKey: Uint8Array.from(publicKey), counter: signCount },
    })
    return verifying.then(
      ({ verified, authenticationInfo }) => (verified ? authenticationInfo : refuse('signature')),
      (error: unknown) => refuse(error instanceof Error ? error.message : String(error)),
    )
  }
}
