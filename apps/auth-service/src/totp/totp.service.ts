import { Inject, Injectable } from '@nestjs/common'
import { uuidOf, type UserId } from '@catamaran/contracts'
import { seal, unseal } from '@catamaran/data'
import { AppError } from '@catamaran/platform'
import { Secret, TOTP } from 'otpauth'
import { CLOCK, CONFIG, type Clock, type Config } from '../config.js'
import { MailRepository } from '../mail/mail.repository.js'
import { MailWorker } from '../mail/mail.worker.js'
import { Throttle, type Limit } from '../sign-in/throttle.js'
import { UsersService } from '../users/users.service.js'
import { hashOfRecoveryCode, newRecoveryCodes, recoveryCodeOf } from './recovery-codes.js'
import { TotpRepository, type TotpRow } from './totp.repository.js'
import type { TotpStarted, TotpState } from './totp.schema.js'

const ISSUER = 'Catamaran'
const SECRET_BYTES = 20
const PERIOD_S = 30
/** Codes of the step before and after count too: clocks differ, people type slowly. */
const WINDOW = 1
/** Three codes of a million are right at a time; at this pace guessing one takes years. */
const GUESSES: Limit = { tries: 5, windowMs: 15 * 60_000 }

const totpOf = (bytes: Uint8Array, label: string): TOTP =>
  new TOTP({ issuer: ISSUER, label, secret: new Secret({ buffer: Uint8Array.from(bytes).buffer }), period: PERIOD_S })

/** One-time codes of an authenticator app (RFC 6238) and the recovery codes in their place. */
@Injectable()
export class TotpService {
  constructor(
    private readonly repository: TotpRepository,
    private readonly users: UsersService,
    private readonly throttle: Throttle,
    private readonly mail: MailRepository,
    private readonly worker: MailWorker,
    @Inject(CONFIG) private readonly config: Pick<Config, 'dataKeys'>,
    @Inject(CLOCK) private readonly now: Clock,
  ) {}

  async state(userId: UserId): Promise<TotpState> {
    const row = await this.repository.find(uuidOf(userId))
    if (row?.confirmedAt == null) return { status: 'off', since: null, recoveryCodesLeft: 0 }
    return { status: 'on', since: row.confirmedAt.toISOString(), recoveryCodesLeft: row.recoveryCodesLeft }
  }

  async isOn(userId: UserId): Promise<boolean> {
    return (await this.state(userId)).status === 'on'
  }

  /** Makes a secret, which counts once a code of it was confirmed. @throws AppError identity.totp-on */
  async start(userId: UserId): Promise<TotpStarted> {
    const { bytes } = new Secret({ size: SECRET_BYTES })
    const started = await this.shown(userId, bytes)
    const sealed = seal(this.config.dataKeys, bytes, uuidOf(userId))
    if (!(await this.repository.start(uuidOf(userId), sealed, new Date(this.now())))) throw new AppError('identity.totp-on')
    return started
  }

  /** The secret that waits for its first code, to show it again. @throws AppError identity.totp-on, identity.totp-off */
  async pending(userId: UserId): Promise<TotpStarted> {
    return this.shown(userId, this.open(userId, await this.requirePending(userId)))
  }

  /** Switches codes on with the first one. @returns the recovery codes @throws AppError identity.* , request.rate-limited */
  async confirm(userId: UserId, code: string): Promise<string[]> {
    const row = await this.requirePending(userId)
    await this.countGuess(userId)
    const step = this.stepOf(this.open(userId, row), code)
    if (step === undefined) throw new AppError('identity.code-invalid')
    const codes = newRecoveryCodes()
    const confirmed = { sealedSecret: row.sealedSecret, step, now: new Date(this.now()), codeHashes: codes.map(hashOfRecoveryCode) }
    const isOn = await this.repository.confirm(uuidOf(userId), confirmed, (tx) => this.mail.insertMailToUser(tx, uuidOf(userId), 'totp_on'))
    if (!isOn) throw new AppError('identity.totp-on')
    await this.done(userId)
    return codes
  }

  /**
   * Whether this is a code of the person's app that was not used yet, or one of their recovery codes, which is used up.
   * @throws AppError request.rate-limited after too many wrong ones
   */
  async accepts(userId: UserId, typed: string): Promise<boolean> {
    await this.countGuess(userId)
    const recoveryCode = recoveryCodeOf(typed)
    const isRight = recoveryCode === undefined ? await this.acceptsStep(userId, typed) : await this.acceptsRecovery(userId, recoveryCode)
    if (isRight) await this.done(userId)
    return isRight
  }

  /** New recovery codes; the old ones stop working. @throws AppError identity.totp-off */
  async renewCodes(userId: UserId): Promise<string[]> {
    const codes = newRecoveryCodes()
    const hashes = codes.map(hashOfRecoveryCode)
    const isOn = await this.repository.renewCodes(uuidOf(userId), hashes, (tx) =>
      this.mail.insertMailToUser(tx, uuidOf(userId), 'recovery_codes_renewed'),
    )
    if (!isOn) throw new AppError('identity.totp-off')
    this.worker.wake()
    return codes
  }

  /** @throws AppError identity.totp-off */
  async switchOff(userId: UserId): Promise<void> {
    const wasOn = await this.repository.delete(uuidOf(userId), (tx) => this.mail.insertMailToUser(tx, uuidOf(userId), 'totp_off'))
    if (!wasOn) throw new AppError('identity.totp-off')
    this.worker.wake()
  }

  private async acceptsStep(userId: UserId, typed: string): Promise<boolean> {
    const row = await this.repository.find(uuidOf(userId))
    if (row?.confirmedAt == null) return false
    const step = this.stepOf(this.open(userId, row), typed.replace(/\s/g, ''))
    return step !== undefined && this.repository.useStep(uuidOf(userId), step)
  }

  private async acceptsRecovery(userId: UserId, code: string): Promise<boolean> {
    const left = await this.repository.useCode(uuidOf(userId), hashOfRecoveryCode(code), new Date(this.now()), (tx, rest) =>
      this.mail.insertMailToUser(tx, uuidOf(userId), 'recovery_code_used', { left: String(rest) }),
    )
    return left !== undefined
  }

  /** The time step that a code is of, if it is of one near now. */
  private stepOf(secret: Uint8Array, code: string): number | undefined {
    if (!/^\d{6}$/.test(code)) return undefined
    const timestamp = this.now()
    const delta = totpOf(secret, '').validate({ token: code, timestamp, window: WINDOW })
    return delta === null ? undefined : TOTP.counter({ period: PERIOD_S, timestamp }) + delta
  }

  private async requirePending(userId: UserId): Promise<TotpRow> {
    const row = await this.repository.find(uuidOf(userId))
    if (row === undefined) throw new AppError('identity.totp-off')
    if (row.confirmedAt !== null) throw new AppError('identity.totp-on')
    return row
  }

  private open(userId: UserId, { sealedSecret }: TotpRow): Buffer {
    return unseal(this.config.dataKeys, sealedSecret, uuidOf(userId))
  }

  private async shown(userId: UserId, secret: Uint8Array): Promise<TotpStarted> {
    const email = (await this.users.findUser(userId))?.email
    if (email === undefined) throw new AppError('auth.token-invalid')
    const totp = totpOf(secret, email)
    return { secret: totp.secret.base32, uri: totp.toString() }
  }

  private async countGuess(userId: UserId): Promise<void> {
    const waitMs = await this.throttle.count(`code:${userId}`, GUESSES)
    if (waitMs === 0) return
    const detail = `There were too many wrong codes. Wait ${Math.ceil(waitMs / 60_000)} minutes and try again.`
    throw new AppError('request.rate-limited', { retryAfterS: Math.ceil(waitMs / 1_000), detail })
  }

  private async done(userId: UserId): Promise<void> {
    await this.throttle.forget(`code:${userId}`)
    this.worker.wake()
  }
}
