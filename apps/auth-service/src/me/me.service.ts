import { Injectable } from '@nestjs/common'
import { idOf, uuidOf, type UserId } from '@catamaran/contracts'
import { AppError } from '@catamaran/platform'
import { SignInService } from '../sign-in/sign-in.service.js'
import { CredentialsService } from '../users/credentials.service.js'
import { MeRepository, type ProfileRow } from './me.repository.js'
import type { ChangePassword, ChangeProfile, Profile } from './me.schema.js'

/** The token outlived its person. */
const profileOf = (row: ProfileRow | undefined): Profile => {
  if (row === undefined) throw new AppError('auth.token-invalid')
  const { id, email, name, locale, isOperator, createdAt, hasTotp, passkeys } = row
  return {
    id: idOf('user', id),
    email,
    name,
    locale,
    isOperator,
    secondFactors: { totp: hasTotp, passkeys },
    createdAt: createdAt.toISOString(),
  }
}

/** What people see and change of their own account. */
@Injectable()
export class MeService {
  constructor(
    private readonly repository: MeRepository,
    private readonly signIns: SignInService,
    private readonly credentials: CredentialsService,
  ) {}

  async profile(userId: UserId): Promise<Profile> {
    return profileOf(await this.repository.find(uuidOf(userId)))
  }

  async change(userId: UserId, change: ChangeProfile): Promise<Profile> {
    return profileOf(await this.repository.update(uuidOf(userId), change))
  }

  /**
   * Sets a new password for who knows the old one, and ends all sessions but the one that asks.
   * @throws AppError identity.password-wrong, identity.password-refused, request.rate-limited
   */
  async changePassword(userId: UserId, sid: string | undefined, { currentPassword, newPassword }: ChangePassword): Promise<void> {
    const { email } = await this.profile(userId)
    if (!(await this.signIns.isPasswordOf(userId, { email, password: currentPassword }))) throw new AppError('identity.password-wrong')
    await this.credentials.setPassword({ id: userId, email }, newPassword, sid)
  }
}
