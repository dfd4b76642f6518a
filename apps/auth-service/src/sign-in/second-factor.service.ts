import { Injectable } from '@nestjs/common'
import { isId, type UserId } from '@catamaran/contracts'
import { z } from 'zod'
import { ArtifactsRepository } from '../oidc/artifacts.repository.js'
import { parsedJson } from '../passkeys/json.js'
import { AuthenticationResponse, type PasskeyOptions } from '../passkeys/passkeys.schema.js'
import { PasskeysService, type PasskeySignIn } from '../passkeys/passkeys.service.js'
import { TotpService } from '../totp/totp.service.js'

/** Somebody has given their password in an interaction and not yet the code. On the server, so that no form can claim it. */
const HALF_WAY = 'HalfSignIn'
const HALF_WAY_S = 600
const HalfWay = z.looseObject({ accountId: z.string(), loginTs: z.number() })

const PasskeyForm = z.object({ credential: z.string().max(65_536) })

/** A password that was right, and when it was typed (epoch seconds). */
export interface FirstFactor {
  readonly userId: UserId
  readonly ts: number
}

export interface Factors {
  readonly hasTotp: boolean
  readonly hasPasskeys: boolean
}

/** What a sign-in takes besides a password, or in its place. */
@Injectable()
export class SecondFactorService {
  constructor(
    private readonly artifacts: ArtifactsRepository,
    private readonly totp: TotpService,
    private readonly passkeys: PasskeysService,
  ) {}

  /** Whether the password was not enough; then it is noted, and the code (or a passkey) has to follow in the same interaction. */
  async follows(interaction: string, { userId, ts }: FirstFactor, needsTwoFactors: boolean): Promise<boolean> {
    if (!needsTwoFactors && !(await this.totp.isOn(userId))) return false
    await this.artifacts.put(HALF_WAY, interaction, { accountId: userId, loginTs: ts }, HALF_WAY_S)
    return true
  }

  /** Who has given the password in this interaction. */
  async halfWay(interaction: string): Promise<FirstFactor | undefined> {
    const item = await this.artifacts.find(HALF_WAY, interaction)
    if (item === undefined) return undefined
    const { accountId, loginTs } = HalfWay.parse(JSON.parse(item.payload))
    return isId('user', accountId) ? { userId: accountId, ts: loginTs } : undefined
  }

  async factorsOf(userId: UserId): Promise<Factors> {
    const [hasTotp, hasPasskeys] = await Promise.all([this.totp.isOn(userId), this.passkeys.has(userId)])
    return { hasTotp, hasPasskeys }
  }

  /** @throws AppError request.rate-limited */
  acceptsCode(userId: UserId, typed: string): Promise<boolean> {
    return this.totp.accepts(userId, typed)
  }

  passkeyOptions(interaction: string, userId?: UserId): Promise<PasskeyOptions> {
    return this.passkeys.signInOptions(interaction, userId)
  }

  /** Who a posted passkey signs in; undefined when it was not accepted, or is not of the person it has to be of. */
  async acceptsPasskey(interaction: string, form: unknown, owner?: UserId): Promise<PasskeySignIn | undefined> {
    const posted = PasskeyForm.safeParse(form)
    const response = AuthenticationResponse.safeParse(posted.success ? parsedJson(posted.data.credential) : undefined)
    if (!response.success) return undefined
    const signedIn = await this.passkeys.signIn(interaction, response.data)
    return owner === undefined || signedIn?.userId === owner ? signedIn : undefined
  }
}
