import { Body, Controller, HttpCode, Post, Req } from '@nestjs/common'
import { ApiAcceptedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger'
import { Problem } from '@catamaran/contracts'
import { Anonymous, AppError } from '@catamaran/platform'
import type { FastifyRequest } from 'fastify'
import { EmailService } from '../me/email.service.js'
import { ResetService } from './reset.service.js'
import { AskReset, ConfirmEmail, EmailConfirmed, MailSent, ResetPassword } from './users.schema.js'

const problem = (status: number, description: string) => ApiResponse({ status, description, standardSchema: Problem })

/** What mailed links do to accounts there are. */
@ApiTags('Account')
@Controller('v1/users')
export class RecoveryController {
  constructor(
    private readonly resets: ResetService,
    private readonly emails: EmailService,
  ) {}

  @Post('reset-password')
  @HttpCode(202)
  @Anonymous()
  @ApiOperation({
    summary: 'Ask for a new password',
    description: 'Sends a mail with a link if the address has an account. The answer is the same where it has none.',
  })
  @ApiAcceptedResponse({ description: 'A mail is on its way, if there is an account', standardSchema: MailSent })
  async ask(@Req() { ip }: FastifyRequest, @Body({ schema: AskReset }) { email }: AskReset): Promise<MailSent> {
    await this.resets.ask(email, ip)
    return { status: 'mail_sent' }
  }

  @Post('reset-password/confirm')
  @HttpCode(204)
  @Anonymous()
  @ApiOperation({ summary: 'Choose a new password', description: 'A link works once, for an hour. All sessions end; second factors stay.' })
  @ApiNoContentResponse({ description: 'The new password counts' })
  @problem(400, 'The link was used or has expired')
  @problem(422, 'The password is one that guessers try; the link stays good')
  async reset(@Body({ schema: ResetPassword }) { token, password }: ResetPassword): Promise<void> {
    await this.resets.confirm(token, password)
  }

  @Post('confirm-email')
  @HttpCode(200)
  @Anonymous()
  @ApiOperation({
    summary: 'Confirm a change of email address',
    description: 'With a link of either address. A link works once, for a day.',
  })
  @ApiOkResponse({ description: 'This address has confirmed', standardSchema: EmailConfirmed })
  @problem(400, 'The link was used or has expired')
  @problem(409, 'The new address, whose link this was, has got an account meanwhile')
  async confirmEmail(@Body({ schema: ConfirmEmail }) { token }: ConfirmEmail): Promise<EmailConfirmed> {
    const status = await this.emails.confirm(token)
    if (status === 'taken') throw new AppError('identity.email-taken')
    return { status }
  }
}
