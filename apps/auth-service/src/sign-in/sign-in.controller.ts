import { Body, Controller, Get, Post, Req, Res, UseFilters } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import { ACR, type UserId } from '@catamaran/contracts'
import { Anonymous, AppError } from '@catamaran/platform'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { InteractionResults } from 'oidc-provider'
import { DevicesService } from '../devices/devices.service.js'
import { OidcProvider } from '../oidc/provider.js'
import { continuePage, signInPage, type SignInPage } from '../pages/account.pages.js'
import { formTargetOf } from '../pages/oidc.pages.js'
import { checkOrigin, PageFilter, sendOn, sendPage } from '../pages/send.js'
import { SignIn } from '../users/users.schema.js'
import { UsersService } from '../users/users.service.js'
import { SignInService } from './sign-in.service.js'

type Interaction = Awaited<ReturnType<OidcProvider['current']['interactionDetails']>>

const REFUSED = 'The email or the password is not right, or the address is not confirmed yet.'

/** The pages of a sign-in. Which one it is, the interaction's cookie says, which oidc-provider set for this address alone. */
@ApiExcludeController()
@UseFilters(PageFilter)
@Controller('account/sign-in/:uid')
export class SignInController {
  constructor(
    private readonly oidc: OidcProvider,
    private readonly users: UsersService,
    private readonly signIns: SignInService,
    private readonly devices: DevicesService,
  ) {}

  @Get()
  @Anonymous()
  async show(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const interaction = await this.interactionOf(request, reply)
    if (interaction.prompt.name === 'login') return sendPage(reply, signInPage(await this.pageOf(interaction)))
    const user = await this.users.findUser(interaction.session?.accountId ?? '')
    if (user === undefined) throw new AppError('request.invalid', { detail: 'The account is gone. Start again.' })
    return sendPage(reply, continuePage({ ...(await this.pageOf(interaction)), email: user.email }))
  }

  @Post()
  @Anonymous()
  async signIn(@Req() request: FastifyRequest, @Body() form: unknown, @Res() reply: FastifyReply): Promise<void> {
    const interaction = await this.interactionOf(request, reply)
    const typed = SignIn.safeParse(form)
    const ts = this.signIns.nowS()
    const userId = typed.success ? await this.signIns.signIn(typed.data, request.ip, request.headers) : undefined
    if (userId !== undefined) return this.finish(request, reply, { login: { accountId: userId, ts, acr: ACR.single, amr: ['pwd'] } })
    const email = typed.success ? typed.data.email : undefined
    return sendPage(reply, signInPage({ ...(await this.pageOf(interaction)), status: 422, email, errors: { form: REFUSED } }))
  }

  @Post('continue')
  @Anonymous()
  async goOn(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const interaction = await this.interactionOf(request, reply)
    if (interaction.prompt.name !== 'consent') throw new AppError('request.invalid', { detail: 'Sign in first.' })
    return this.finish(request, reply, { consent: {} })
  }

  @Post('cancel')
  @Anonymous()
  async cancel(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.interactionOf(request, reply)
    return this.finish(request, reply, { error: 'access_denied', error_description: 'the person cancelled' })
  }

  /** The interaction of the cookie, for this address only; forms must be our own. @throws SessionNotFound */
  private async interactionOf(request: FastifyRequest, reply: FastifyReply): Promise<Interaction> {
    if (request.method === 'POST') checkOrigin(request, this.oidc.publicOrigin)
    const interaction = await this.oidc.current.interactionDetails(request.raw, reply.raw)
    if (interaction.uid !== (request.params as { uid: string }).uid) throw new AppError('request.invalid', { detail: 'Start again.' })
    return interaction
  }

  private async pageOf({ uid, params }: Interaction): Promise<SignInPage> {
    const client = await this.oidc.current.Client.find(String(params['client_id']))
    return { uid, clientName: client?.clientName ?? 'the app', formTargets: [formTargetOf(String(params['redirect_uri']))] }
  }

  private async finish(request: FastifyRequest, reply: FastifyReply, result: InteractionResults): Promise<void> {
    const next = await this.oidc.current.interactionResult(request.raw, reply.raw, result)
    const accountId = result.login?.accountId
    if (accountId !== undefined) reply.header('set-cookie', await this.devices.remember(accountId as UserId, request.headers))
    return sendOn(reply, next)
  }
}
