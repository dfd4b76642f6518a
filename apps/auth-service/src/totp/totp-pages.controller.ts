import { Body, Controller, Get, Post, Req, Res, UseFilters } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import { Anonymous, AppError } from '@catamaran/platform'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { BrowserSessions, type SignedIn } from '../account/browser-sessions.js'
import { OidcProvider } from '../oidc/provider.js'
import { checkOrigin, orRefusal, PageFilter, sendOn, sendPage } from '../pages/send.js'
import { confirmTotpPage, recoveryCodesPage, renewCodesPage, startTotpPage, switchOffPage } from '../pages/totp.pages.js'
import { ConfirmTotp } from './totp.schema.js'
import { TotpService } from './totp.service.js'

const AT = '/account/codes'
const WRONG = 'That code is not right. Type the one that the app shows now.'

/** The pages about codes at sign-in. */
@ApiExcludeController()
@UseFilters(PageFilter)
@Controller('account/codes')
export class TotpPagesController {
  constructor(
    private readonly browsers: BrowserSessions,
    private readonly totp: TotpService,
    private readonly oidc: OidcProvider,
  ) {}

  @Get('new')
  @Anonymous()
  async showNew(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.browsers.requireFresh(request, reply, `${AT}/new`)
    return sendPage(reply, startTotpPage())
  }

  @Post()
  @Anonymous()
  async start(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { user } = await this.forForm(request, reply, `${AT}/new`)
    await this.totp.start(user.id)
    return sendOn(reply, `${AT}/confirm`)
  }

  @Get('confirm')
  @Anonymous()
  async showSecret(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { user } = await this.browsers.requireFresh(request, reply, `${AT}/confirm`)
    const pending = await orRefusal(this.totp.pending(user.id), 'identity.totp-on', 'identity.totp-off')
    return pending instanceof AppError ? sendOn(reply, '/account') : sendPage(reply, confirmTotpPage(pending))
  }

  @Post('confirm')
  @Anonymous()
  async confirm(@Req() request: FastifyRequest, @Body() form: unknown, @Res() reply: FastifyReply): Promise<void> {
    const { user } = await this.forForm(request, reply, `${AT}/confirm`)
    const typed = ConfirmTotp.safeParse(form)
    const codes = typed.success ? await orRefusal(this.totp.confirm(user.id, typed.data.code), 'identity.code-invalid') : undefined
    if (Array.isArray(codes)) return sendPage(reply, recoveryCodesPage(codes, true))
    return sendPage(reply, confirmTotpPage(await this.totp.pending(user.id), WRONG))
  }

  @Get('recovery')
  @Anonymous()
  async showRenew(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.browsers.requireFresh(request, reply, `${AT}/recovery`)
    return sendPage(reply, renewCodesPage())
  }

  @Post('recovery')
  @Anonymous()
  async renew(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { user } = await this.forForm(request, reply, `${AT}/recovery`)
    return sendPage(reply, recoveryCodesPage(await this.totp.renewCodes(user.id), false))
  }

  @Get('off')
  @Anonymous()
  async showOff(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.browsers.requireFresh(request, reply, `${AT}/off`)
    return sendPage(reply, switchOffPage())
  }

  @Post('off')
  @Anonymous()
  async switchOff(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { user } = await this.forForm(request, reply, `${AT}/off`)
    await this.totp.switchOff(user.id)
    return sendOn(reply, '/account?done=codes-off')
  }

  private forForm(request: FastifyRequest, reply: FastifyReply, back: string): Promise<SignedIn> {
    checkOrigin(request, this.oidc.publicOrigin)
    return this.browsers.requireFresh(request, reply, back)
  }
}
