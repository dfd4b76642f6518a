import { createHash } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import type { UserId } from '@catamaran/contracts'
import { AppError } from '@catamaran/platform'
import type { SignIn } from '../users/users.schema.js'
import { UsersService } from '../users/users.service.js'
import { Throttle, type Limit } from './throttle.js'

const WINDOW_MS = 15 * 60_000
/** Somebody at one address who guesses at one account; the account's owner elsewhere is not locked out by it. */
const PER_ACCOUNT_AND_ADDRESS: Limit = { tries: 10, windowMs: WINDOW_MS }
/** Somebody at one address who tries many accounts. */
const PER_ADDRESS: Limit = { tries: 100, windowMs: WINDOW_MS }

@Injectable()
export class SignInService {
  constructor(
    private readonly users: UsersService,
    private readonly throttle: Throttle,
  ) {}

  /**
   * The user with this email and password, or undefined. Tries are counted before they are looked at, for known and unknown accounts alike.
   * @throws AppError request.rate-limited after too many
   */
  async signIn(typed: SignIn, address: string): Promise<UserId | undefined> {
    const account = `${createHash('sha256').update(typed.email).digest('base64url')}:${address}`
    const waits = await Promise.all([this.throttle.count(account, PER_ACCOUNT_AND_ADDRESS), this.throttle.count(address, PER_ADDRESS)])
    const waitMs = Math.max(...waits)
    if (waitMs > 0) {
      const retryAfterS = Math.ceil(waitMs / 1_000)
      const detail = `There were too many tries to sign in. Wait ${Math.ceil(retryAfterS / 60)} minutes and try again.`
      throw new AppError('request.rate-limited', { retryAfterS, detail })
    }
    const userId = await this.users.findByPassword(typed)
    if (userId !== undefined) await this.throttle.forget(account)
    return userId
  }
}
