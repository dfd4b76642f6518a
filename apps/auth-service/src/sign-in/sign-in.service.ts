import { createHash } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import type { UserId } from '@catamaran/contracts'
import { AppError } from '@catamaran/platform'
import { DevicesService, type Browser } from '../devices/devices.service.js'
import { networkOf } from '../mail/source.js'
import type { SignIn } from '../users/users.schema.js'
import { UsersService } from '../users/users.service.js'
import { Throttle, type Limit } from './throttle.js'

const MINUTE_MS = 60_000
/** A browser that the account's owner has signed in with before: nothing that others do counts against it. */
const PER_DEVICE: Limit = { tries: 10, windowMs: 15 * MINUTE_MS }
/** Somebody at one address who guesses at one account; the account's owner elsewhere is not locked out by it. */
const PER_ACCOUNT_AND_ADDRESS: Limit = { tries: 10, windowMs: 15 * MINUTE_MS }
/** Somebody at one address who tries many accounts. */
const PER_ADDRESS: Limit = { tries: 100, windowMs: 15 * MINUTE_MS }
/** Many who guess at one account from everywhere. The owner goes on in a browser that is known, or makes one known by a reset. */
const PER_ACCOUNT: Limit = { tries: 50, windowMs: 60 * MINUTE_MS }
/** Somebody with a token who types the password once more. */
const PER_PERSON: Limit = { tries: 10, windowMs: 15 * MINUTE_MS }

const hash = (text: string): string => createHash('sha256').update(text).digest('base64url')

/** Passwords that people type. Tries are counted before they are looked at, for known and unknown accounts alike. */
@Injectable()
export class SignInService {
  constructor(
    private readonly users: UsersService,
    private readonly throttle: Throttle,
    private readonly devices: DevicesService,
  ) {}

  /** The user with this email and password, or undefined. @throws AppError request.rate-limited after too many */
  async signIn(typed: SignIn, address: string, browser: Browser = {}): Promise<UserId | undefined> {
    const [account, network] = [hash(typed.email), networkOf(address)]
    const device = await this.devices.findKnown(typed.email, browser)
    const limits: [string, Limit][] =
      device === undefined
        ? [
            [`${account}:${network}`, PER_ACCOUNT_AND_ADDRESS],
            [network, PER_ADDRESS],
            [account, PER_ACCOUNT],
          ]
        : [[`${account}:device:${hash(device)}`, PER_DEVICE]]
    await this.count(limits)
    const userId = await this.users.findByPassword(typed)
    if (userId !== undefined && limits[0] !== undefined) await this.throttle.forget(limits[0][0])
    return userId
  }

  /** Whether somebody who is signed in knows their password. @throws AppError request.rate-limited after too many wrong ones */
  async isPasswordOf(userId: UserId, typed: SignIn): Promise<boolean> {
    const key = `password:${userId}`
    await this.count([[key, PER_PERSON]])
    const isRight = (await this.users.findByPassword(typed)) === userId
    if (isRight) await this.throttle.forget(key)
    return isRight
  }

  private async count(limits: readonly [string, Limit][]): Promise<void> {
    const waitMs = Math.max(...(await Promise.all(limits.map(([key, limit]) => this.throttle.count(key, limit)))))
    if (waitMs === 0) return
    const retryAfterS = Math.ceil(waitMs / 1_000)
    const detail = `There were too many tries to sign in. Wait ${Math.ceil(retryAfterS / 60)} minutes and try again.`
    throw new AppError('request.rate-limited', { retryAfterS, detail })
  }
}
