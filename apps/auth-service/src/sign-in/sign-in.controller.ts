import { Body, Controller, Get, Post, Req, Res, UseFilters } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import { ACR } from '@catamaran/contracts'
import { Anonymous, AppError, logFields } from '@catamaran/platform'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { PageFilter, sendOn, sendPage } from '../pages/send.js'
import { continuePage, signInPage } from '../pages/sign-in.pages.js'
import { SignIn } from '../users/users.schema.js'
import { UsersService } from '../users/users.service.js'
import { Interactions, type Ask, type Interaction } from './interactions.js'
import { SecondFactorService } from './second-factor.service.js'
import { SignInMetrics } from './sign-in-metrics.js'
import { SignInService } from './sign-in.service.js'

const REFUSED = 'The email or the password is not right, or the address is not confirmed yet.'

/** The first page of a sign-in: email and password, or a passkey. */
@ApiExcludeController()
@UseFilters(PageFilter)
@Controller('account/sign-in/:uid')
export class SignInController {
  constructor(
    private readonly interactions: Interactions,
    private readonly users: UsersService,
    private readonly signIns: SignInService,
    private readonly second: SecondFactorService,
    private readonly metrics: SignInMetrics,
  ) {}

  @Get()
  @Anonymous()
  async show(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const interaction = await this.interactions.of(request, reply)
    if (interaction.prompt.name !== 'login') return this.askToContinue(interaction, reply)
    const [, ask] = await this.interactions.ofSignIn(request, reply)
    if (ask.lacksSecondOnly && ask.account !== undefined) return sendOn(reply, `/account/sign-in/${interaction.uid}/code`)
    return this.showSignIn(reply, interaction, ask, {})
  }

  @Post()
  @Anonymous()
  signIn(@Req() request: FastifyRequest, @Body() form: unknown, @Res() reply: FastifyReply): Promise<void> {
    return this.metrics.watch('password', () => this.takePassword(request, form, reply))
  }

  private async takePassword(request: FastifyRequest, form: unknown, reply: FastifyReply): Promise<void> {
    const [interaction, ask] = await this.interactions.ofSignIn(request, reply)
    const typed = SignIn.safeParse(ask.account === undefined ? form : { ...(form as object), email: ask.account.email })
    const ts = this.interactions.nowS()
    const userId = typed.success ? await this.signIns.signIn(typed.data, request.ip, request.headers) : undefined
    if (userId === undefined) {
      logFields({ signIn: 'refused', factor: 'pwd' })
      this.metrics.refused('password')
      const email = typed.success ? typed.data.email : undefined
      return this.showSignIn(reply, interaction, ask, { status: 422, email, errors: { form: REFUSED } })
    }
    if (await this.second.follows(interaction.uid, { userId, ts }, ask.needsTwoFactors))
      return sendOn(reply, `/account/sign-in/${interaction.uid}/code`)
    return this.interactions.finish(request, reply, { login: { accountId: userId, ts, acr: ACR.single, amr: ['pwd'] } })
  }

  @Post('continue')
  @Anonymous()
  async goOn(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const interaction = await this.interactions.of(request, reply)
    if (interaction.prompt.name !== 'consent') throw new AppError('request.invalid', { detail: 'Sign in first.' })
    return this.interactions.finish(request, reply, { consent: {} })
  }

  @Post('cancel')
  @Anonymous()
  async cancel(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.interactions.of(request, reply)
    return this.interactions.finish(request, reply, { error: 'access_denied', error_description: 'the person cancelled' })
  }

  private async askToContinue(interaction: Interaction, reply: FastifyReply): Promise<void> {
    const user = await this.users.findUser(interaction.session?.accountId ?? '')
    if (user === undefined) throw new AppError('request.invalid', { detail: 'The account is gone. Start again.' })
    return sendPage(reply, continuePage({ ...(await this.interactions.frameOf(interaction)), email: user.email }))
  }

  private async showSignIn(
    reply: FastifyReply,
    interaction: Interaction,
    { account }: Ask,
    state: { status?: number; email?: string | undefined; errors?: Record<string, string> },
  ): Promise<void> {
    const [frame, passkeys] = await Promise.all([
      this.interactions.frameOf(interaction),
      this.second.passkeyOptions(interaction.uid, account?.id),
    ])
    const hint = interaction.params['login_hint']
    const email = state.email ?? (typeof hint === 'string' && hint.length <= 254 ? hint : undefined)
    return sendPage(reply, signInPage({ ...frame, ...state, email, known: account?.email, passkeys }))
  }
}
