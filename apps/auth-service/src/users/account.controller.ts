import { Body, Controller, Get, Param, Post, Query, Req, Res, UseFilters } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import { Anonymous, AppError } from '@catamaran/platform'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { OidcProvider } from '../oidc/provider.js'
import { checkMailPage, linkInvalidPage, signUpPage, verifiedPage, verifyEmailPage } from '../pages/account.pages.js'
import { assets } from '../pages/html.js'
import { checkOrigin, PageFilter, sendOn, sendPage } from '../pages/send.js'
import { refusalOf } from './password-rules.js'
import { Register } from './users.schema.js'
import { UsersService } from './users.service.js'

/** The interaction to go back to; anything else is ignored. */
export const Back = z.object({
  return: z
    .string()
    .regex(/^[\w-]{16,64}$/)
    .optional()
    .catch(undefined),
})
// A body that is no form at all is an empty one.
export const Token = z.object({ token: z.string().max(128).catch('') }).catch({ token: '' })
const SignUpForm = z.object({ email: z.string().catch('') }).catch({ email: '' })

const emailOf = (form: unknown): string => SignUpForm.parse(form).email

/** The pages around registration: plain forms that work without JavaScript and call what the API calls. */
@ApiExcludeController()
@UseFilters(PageFilter)
@Controller('account')
export class AccountController {
  constructor(
    private readonly users: UsersService,
    private readonly oidc: OidcProvider,
  ) {}

  @Get('assets/:name')
  @Anonymous()
  async asset(@Param('name') name: string, @Res() reply: FastifyReply): Promise<void> {
    const asset = assets.get(name)
    if (asset === undefined) throw new AppError('request.route-not-found')
    const headers = {
      'content-type': asset.type,
      'cache-control': 'public, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
    }
    await reply.headers(headers).send(asset.bytes)
  }

  @Get('sign-up')
  @Anonymous()
  signUp(@Query() query: unknown, @Res() reply: FastifyReply): Promise<void> {
    return sendPage(reply, signUpPage(Back.parse(query).return))
  }

  @Post('sign-up')
  @Anonymous()
  async register(
    @Req() request: FastifyRequest,
    @Query() query: unknown,
    @Body() form: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    checkOrigin(request, this.oidc.publicOrigin)
    const back = Back.parse(query).return
    const parsed = Register.safeParse(form)
    if (!parsed.success) {
      const errors = Object.fromEntries(parsed.error.issues.map(({ path, message }) => [String(path[0] ?? 'form'), message]))
      return sendPage(reply, signUpPage(back, { email: emailOf(form), errors }, 422))
    }
    const refusal = refusalOf(parsed.data.password, parsed.data.email)
    if (refusal !== undefined) return sendPage(reply, signUpPage(back, { email: parsed.data.email, errors: { password: refusal } }, 422))
    await this.users.register(parsed.data, request.ip)
    return sendOn(reply, `/account/check-mail${back === undefined ? '' : `?return=${back}`}`)
  }

  @Get('check-mail')
  @Anonymous()
  checkMail(@Query() query: unknown, @Res() reply: FastifyReply): Promise<void> {
    return sendPage(reply, checkMailPage(Back.parse(query).return))
  }

  /** Shows a button and changes nothing: programs that read mail open links too. */
  @Get('verify-email')
  @Anonymous()
  verifyEmail(@Query() query: unknown, @Res() reply: FastifyReply): Promise<void> {
    return sendPage(reply, verifyEmailPage(Token.parse(query).token))
  }

  @Post('verify-email')
  @Anonymous()
  async confirm(@Req() request: FastifyRequest, @Body() form: unknown, @Res() reply: FastifyReply): Promise<void> {
    checkOrigin(request, this.oidc.publicOrigin)
    const userId = await this.users.confirm(Token.parse(form).token)
    return sendPage(reply, userId === undefined ? linkInvalidPage() : verifiedPage())
  }
}
