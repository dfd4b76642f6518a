import { Body, Controller, Get, Post, Query, Req, Res, UseFilters } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import { Anonymous } from '@catamaran/platform'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { DevicesService } from '../devices/devices.service.js'
import { EmailService } from '../me/email.service.js'
import { OidcProvider } from '../oidc/provider.js'
import * as pages from '../pages/recovery.pages.js'
import { checkOrigin, messagesOf, PageFilter, sendOn, sendPage } from '../pages/send.js'
import { Back, Token } from './account.controller.js'
import { ResetService } from './reset.service.js'
import { AskReset, ResetPassword } from './users.schema.js'

/** The pages behind mailed links: looking changes nothing, programs that read mail open links too. */
@ApiExcludeController()
@UseFilters(PageFilter)
@Controller('account')
export class RecoveryPagesController {
  constructor(
    private readonly resets: ResetService,
    private readonly emails: EmailService,
    private readonly devices: DevicesService,
    private readonly oidc: OidcProvider,
  ) {}

  @Get('forgot-password')
  @Anonymous()
  forgot(@Query() query: unknown, @Res() reply: FastifyReply): Promise<void> {
    return sendPage(reply, pages.forgotPasswordPage(Back.parse(query).return))
  }

  @Post('forgot-password')
  @Anonymous()
  async ask(@Req() request: FastifyRequest, @Query() query: unknown, @Body() form: unknown, @Res() reply: FastifyReply): Promise<void> {
    checkOrigin(request, this.oidc.publicOrigin)
    const back = Back.parse(query).return
    const typed = AskReset.safeParse(form)
    if (!typed.success) return sendPage(reply, pages.forgotPasswordPage(back, { errors: messagesOf(typed.error.issues) }, 422))
    await this.resets.ask(typed.data.email, request.ip)
    return sendOn(reply, `/account/reset-sent${back === undefined ? '' : `?return=${back}`}`)
  }

  @Get('reset-sent')
  @Anonymous()
  sent(@Query() query: unknown, @Res() reply: FastifyReply): Promise<void> {
    return sendPage(reply, pages.resetSentPage(Back.parse(query).return))
  }

  @Get('reset-password')
  @Anonymous()
  choose(@Query() query: unknown, @Res() reply: FastifyReply): Promise<void> {
    return sendPage(reply, pages.resetPasswordPage(Token.parse(query).token))
  }

  /** The browser of who holds the link is known from then on: nobody's guessing keeps it out. */
  @Post('reset-password')
  @Anonymous()
  async reset(@Req() request: FastifyRequest, @Body() form: unknown, @Res() reply: FastifyReply): Promise<void> {
    checkOrigin(request, this.oidc.publicOrigin)
    const { token } = Token.parse(form)
    const typed = ResetPassword.safeParse(form)
    const refusal = typed.success ? await this.resets.findRefusal(token, typed.data.password) : undefined
    if (refusal?.reason === 'link') return sendPage(reply, pages.recoveryLinkInvalidPage())
    const errors = typed.success ? refusal && { password: refusal.detail } : messagesOf(typed.error.issues)
    if (!typed.success || errors !== undefined) return sendPage(reply, pages.resetPasswordPage(token, { errors: errors ?? {} }, 422))
    const userId = await this.resets.confirm(token, typed.data.password)
    reply.header('set-cookie', await this.devices.remember(userId, request.headers))
    return sendPage(reply, pages.passwordSetPage())
  }

  @Get('confirm-email')
  @Anonymous()
  async showEmail(@Query() query: unknown, @Res() reply: FastifyReply): Promise<void> {
    const { token } = Token.parse(query)
    const email = await this.emails.findAddress(token)
    return sendPage(reply, email === undefined ? pages.recoveryLinkInvalidPage() : pages.confirmEmailPage(token, email))
  }

  @Post('confirm-email')
  @Anonymous()
  async confirmEmail(@Req() request: FastifyRequest, @Body() form: unknown, @Res() reply: FastifyReply): Promise<void> {
    checkOrigin(request, this.oidc.publicOrigin)
    const { token } = Token.parse(form)
    if ((await this.emails.findAddress(token)) === undefined) return sendPage(reply, pages.recoveryLinkInvalidPage())
    return sendPage(reply, pages.emailConfirmedPage(await this.emails.confirm(token)))
  }
}
