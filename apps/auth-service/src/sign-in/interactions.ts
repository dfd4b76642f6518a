import { Inject, Injectable } from '@nestjs/common'
import type { UserId } from '@catamaran/contracts'
import { AppError, logFields } from '@catamaran/platform'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { InteractionResults } from 'oidc-provider'
import { CLOCK, type Clock } from '../config.js'
import { DevicesService } from '../devices/devices.service.js'
import { asksForTwoFactors, SECOND_FACTOR_REASON } from '../oidc/interaction-policy.js'
import { OidcProvider } from '../oidc/provider.js'
import { formTargetOf } from '../pages/oidc.pages.js'
import { checkOrigin, sendOn } from '../pages/send.js'
import { UsersService, type User } from '../users/users.service.js'
import { SignInMetrics } from './sign-in-metrics.js'

export type Interaction = Awaited<ReturnType<OidcProvider['current']['interactionDetails']>>

/** What every page of a sign-in says and needs. */
export interface Frame {
  readonly uid: string
  readonly clientName: string
  readonly formTargets: readonly string[]
}

/** What a sign-in asks for. */
export interface Ask {
  /** Who is signed in already and has to show it again; undefined when anybody may sign in. */
  readonly account: User | undefined
  readonly needsTwoFactors: boolean
  /** The session is good; only the second factor is missing. */
  readonly lacksSecondOnly: boolean
}

/** The sign-ins that are under way, which oidc-provider keeps. Which one it is, the interaction's cookie says, for this address alone. */
@Injectable()
export class Interactions {
  constructor(
    private readonly oidc: OidcProvider,
    private readonly users: UsersService,
    private readonly devices: DevicesService,
    private readonly metrics: SignInMetrics,
    @Inject(CLOCK) private readonly now: Clock,
  ) {}

  /** The interaction of the cookie, for this address only; forms must be our own. @throws SessionNotFound, AppError request.invalid */
  async of(request: FastifyRequest, reply: FastifyReply): Promise<Interaction> {
    if (request.method === 'POST') checkOrigin(request, this.oidc.publicOrigin)
    const interaction = await this.oidc.current.interactionDetails(request.raw, reply.raw)
    if (interaction.uid !== (request.params as { uid: string }).uid) throw new AppError('request.invalid', { detail: 'Start again.' })
    return interaction
  }

  /** The same where somebody must sign in, not only agree. @throws SessionNotFound, AppError request.invalid */
  async ofSignIn(request: FastifyRequest, reply: FastifyReply): Promise<[Interaction, Ask]> {
    const interaction = await this.of(request, reply)
    if (interaction.prompt.name !== 'login') throw new AppError('request.invalid', { detail: 'Nobody has to sign in here. Start again.' })
    return [interaction, await this.askOf(interaction)]
  }

  async frameOf({ uid, params }: Interaction): Promise<Frame> {
    const client = await this.oidc.current.Client.find(String(params['client_id']))
    return { uid, clientName: client?.clientName ?? 'the app', formTargets: [formTargetOf(String(params['redirect_uri']))] }
  }

  /** When the session was begun, so that a second factor added to it does not make it look younger. */
  async signedInAt({ session }: Interaction): Promise<number | undefined> {
    return (await this.oidc.current.Session.findByUid(session?.uid ?? ''))?.loginTs
  }

  /** The time of a sign-in (epoch seconds). Take it before credentials are looked at: a change of them meanwhile must end what comes of it. */
  nowS(): number {
    return Math.floor(this.now() / 1_000)
  }

  async finish(request: FastifyRequest, reply: FastifyReply, result: InteractionResults): Promise<void> {
    const next = await this.oidc.current.interactionResult(request.raw, reply.raw, result)
    const accountId = result.login?.accountId
    if (result.login !== undefined) this.metrics.succeeded(result.login.amr ?? [])
    logFields(
      result.login === undefined ? { signIn: result.error ?? 'continued' } : { signIn: 'done', person: accountId, amr: result.login.amr },
    )
    if (accountId !== undefined) reply.header('set-cookie', await this.devices.remember(accountId as UserId, request.headers))
    return sendOn(reply, next)
  }

  private async askOf({ session, params, prompt }: Interaction): Promise<Ask> {
    const account = session === undefined ? undefined : await this.users.findUser(session.accountId)
    return {
      account,
      needsTwoFactors: asksForTwoFactors(params['acr_values']),
      lacksSecondOnly: prompt.reasons.every((reason) => reason === SECOND_FACTOR_REASON),
    }
  }
}
