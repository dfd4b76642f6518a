import { argon2, randomBytes, timingSafeEqual, type Argon2Parameters } from 'node:crypto'
import { promisify } from 'node:util'
import { Inject, Injectable } from '@nestjs/common'
import { AppError } from '@catamaran/platform'
import { CONFIG, type Config } from '../config.js'
import { refusalOf } from './password-rules.js'

const derive = promisify(argon2)

/** OWASP's choice for argon2id (Password Storage Cheat Sheet): 19 MiB, two passes, one lane. */
const COST = { memory: 19_456, passes: 2, parallelism: 1 }
const SALT_BYTES = 16
const TAG_BYTES = 32
const PHC = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

const base64 = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '')
const phcOf = (salt: Buffer, tag: Buffer): string =>
  `$argon2id$v=19$m=${COST.memory},t=${COST.passes},p=${COST.parallelism}$${base64(salt)}$${base64(tag)}`

/**
 * Passwords as argon2id PHC strings. The work runs in a lane of its own with a bounded queue, so that many sign-ins at once make the next one
 * wait or be refused, and nothing else slow.
 */
@Injectable()
export class Passwords {
  private running = 0
  private readonly waiting: (() => void)[] = []
  /** Verified against where there is no user: the same work, and never a match. */
  private readonly nobody = phcOf(randomBytes(SALT_BYTES), randomBytes(TAG_BYTES))

  constructor(@Inject(CONFIG) private readonly config: Pick<Config, 'passwords'>) {}

  /**
   * The hash of a new password of somebody with this email.
   * @throws AppError identity.password-refused when it is one that guessers try, service.overloaded when the queue is full
   */
  async hash(password: string, email: string): Promise<string> {
    const refusal = refusalOf(password, email)
    if (refusal !== undefined) throw new AppError('identity.password-refused', { detail: refusal })
    const nonce = randomBytes(SALT_BYTES)
    const tag = await this.inLane({ message: password, nonce, tagLength: TAG_BYTES, ...COST })
    return phcOf(nonce, tag)
  }

  /** Whether the password is the one that was hashed. Takes as long, and says no, when there is no hash. @throws AppError service.overloaded */
  async verify(password: string, phc: string = this.nobody): Promise<boolean> {
    const parts = PHC.exec(phc)
    if (parts === null) throw new Error('a stored password hash is not a PHC string of argon2id')
    const [, memory, passes, parallelism, salt = '', stored = ''] = parts
    const expected = Buffer.from(stored, 'base64')
    const tag = await this.inLane({
      message: password,
      nonce: Buffer.from(salt, 'base64'),
      tagLength: expected.length,
      memory: Number(memory),
      passes: Number(passes),
      parallelism: Number(parallelism),
    })
    return timingSafeEqual(tag, expected)
  }

  private async inLane(parameters: Argon2Parameters): Promise<Buffer> {
    await this.enter()
    try {
      return await derive('argon2id', parameters)
    } finally {
      this.leave()
    }
  }

  private async enter(): Promise<void> {
    if (this.running < this.config.passwords.lanes) {
      this.running++
      return
    }
    if (this.waiting.length >= this.config.passwords.queue) throw new AppError('service.overloaded', { retryAfterS: 2 })
    await new Promise<void>((resolve) => this.waiting.push(resolve))
  }

  /** Hands the place to who has waited longest. */
  private leave(): void {
    const next = this.waiting.shift()
    if (next === undefined) this.running--
    else next()
  }
}
