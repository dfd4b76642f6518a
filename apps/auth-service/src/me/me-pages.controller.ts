import { Body, Controller, Get, Post, Req, Res, UseFilters } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import { Anonymous, AppError } from '@catamaran/platform'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { BrowserSessions } from '../account/browser-sessions.js'
import { OidcProvider } from '../oidc/provider.js'
import { changeEmailPage, changePasswordPage, profilePage } from '../pages/profile.pages.js'
import { checkOrigin, messagesOf, orRefusal, PageFilter, sendOn, sendPage } from '../pages/send.js'
import { EmailService } from './email.service.js'
import { ChangeEmail, ChangePassword, ChangeProfile } from './me.schema.js'
import { MeService } from './me.service.js'

const [PROFILE, PASSWORD, EMAIL] = ['/account/profile', '/account/password', '/account/email']

/** A form says no name by an empty field. */
const ProfileForm = z
  .object({ name: z.string().transform((text) => (text.trim() === '' ? null : text)), locale: z.string() })
  .catch({ name: null, locale: '' })
const PasswordForm = z.object({ currentPassword: z.string(), newPassword: z.string() }).pipe(ChangePassword)
const EmailForm = z.object({ email: z.string() }).pipe(ChangeEmail)

/** The pages by which people change their profile, password and address. */
@ApiExcludeController()
@UseFilters(PageFilter)
@Controller('account')
export class MePagesController {
  constructor(
    private readonly browsers: BrowserSessions,
    private readonly me: MeService,
    private readonly emails: EmailService,
    private readonly oidc: OidcProvider,
  ) {}

  @Get('profile')
  @Anonymous()
  async showProfile(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { user } = await this.browsers.require(request, reply, PROFILE)
    const { name, locale } = await this.me.profile(user.id)
    return sendPage(reply, profilePage({ name: name ?? '', locale }))
  }

  @Post('profile')
  @Anonymous()
  async changeProfile(@Req() request: FastifyRequest, @Body() form: unknown, @Res() reply: FastifyReply): Promise<void> {
    checkOrigin(request, this.oidc.publicOrigin)
    const { user } = await this.browsers.require(request, reply, PROFILE)
    const typed = ChangeProfile.safeParse(ProfileForm.parse(form))
    if (!typed.success) {
      const { name, locale } = await this.me.profile(user.id)
      return sendPage(reply, profilePage({ name: name ?? '', locale, error: typed.error.issues[0]?.message }))
    }
    await this.me.change(user.id, typed.data)
    return sendOn(reply, '/account?done=profile-changed')
  }

  @Get('password')
  @Anonymous()
  async showPassword(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { user } = await this.browsers.requireFresh(request, reply, PASSWORD)
    return sendPage(reply, changePasswordPage({ email: user.email }))
  }

  @Post('password')
  @Anonymous()
  async changePassword(@Req() request: FastifyRequest, @Body() form: unknown, @Res() reply: FastifyReply): Promise<void> {
    checkOrigin(request, this.oidc.publicOrigin)
    const { user, sid } = await this.browsers.requireFresh(request, reply, PASSWORD)
    const typed = PasswordForm.safeParse(form)
    if (!typed.success) return sendPage(reply, changePasswordPage({ email: user.email, errors: messagesOf(typed.error.issues) }, 422))
    const changing = this.me.changePassword(user.id, sid, typed.data)
    const refusal = await orRefusal(changing, 'identity.password-wrong', 'identity.password-refused')
    if (refusal instanceof AppError) {
      const name = refusal.code === 'identity.password-wrong' ? 'currentPassword' : 'newPassword'
      const errors = { [name]: refusal.details.detail ?? refusal.spec.advice }
      return sendPage(reply, changePasswordPage({ email: user.email, errors }, 422))
    }
    return sendOn(reply, '/account?done=password-changed')
  }

  @Get('email')
  @Anonymous()
  async showEmail(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.browsers.requireFresh(request, reply, EMAIL)
    return sendPage(reply, changeEmailPage({}))
  }

  @Post('email')
  @Anonymous()
  async changeEmail(@Req() request: FastifyRequest, @Body() form: unknown, @Res() reply: FastifyReply): Promise<void> {
    checkOrigin(request, this.oidc.publicOrigin)
    const { user } = await this.browsers.requireFresh(request, reply, EMAIL)
    const typed = EmailForm.safeParse(form)
    if (!typed.success) return sendPage(reply, changeEmailPage({ errors: messagesOf(typed.error.issues) }, 422))
    const refusal = await orRefusal(this.emails.ask(user.id, typed.data.email), 'request.invalid')
    if (refusal instanceof AppError) {
      const errors = { email: refusal.details.errors?.[0]?.detail ?? refusal.spec.advice }
      return sendPage(reply, changeEmailPage({ email: typed.data.email, errors }, 422))
    }
    return sendOn(reply, '/account?done=email-asked')
  }
}
