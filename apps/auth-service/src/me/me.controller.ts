import { Body, Controller, Get, HttpCode, Patch, Post, Put } from '@nestjs/common'
import { ApiAcceptedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger'
import { Problem, type UserId } from '@catamaran/contracts'
import { Caller, Requires, type Claims } from '@catamaran/platform'
import { FRESH_S } from '../sign-in/fresh.js'
import { MailSent } from '../users/users.schema.js'
import { EmailService } from './email.service.js'
import { ChangeEmail, ChangePassword, ChangeProfile, Profile } from './me.schema.js'
import { MeService } from './me.service.js'

const problem = (status: number, description: string) => ApiResponse({ status, description, standardSchema: Problem })

@ApiTags('Account')
@Controller('v1/me')
export class MeController {
  constructor(
    private readonly me: MeService,
    private readonly emails: EmailService,
  ) {}

  @Get()
  @Requires('account:read')
  @ApiOperation({ summary: 'Show my profile' })
  @ApiOkResponse({ description: 'My profile', standardSchema: Profile })
  profile(@Caller() caller: Claims): Promise<Profile> {
    return this.me.profile(caller.sub as UserId)
  }

  @Patch()
  @Requires('account:write')
  @ApiOperation({ summary: 'Change my name or language' })
  @ApiOkResponse({ description: 'My profile as it is now', standardSchema: Profile })
  change(@Caller() caller: Claims, @Body({ schema: ChangeProfile }) body: ChangeProfile): Promise<Profile> {
    return this.me.change(caller.sub as UserId, body)
  }

  @Put('password')
  @HttpCode(204)
  @Requires('account:write', { freshS: FRESH_S })
  @ApiOperation({ summary: 'Change my password', description: 'Ends all my other sessions. A mail tells of it.' })
  @ApiNoContentResponse({ description: 'The new password counts' })
  @problem(422, 'The current password is not right, or the new one is one that guessers try')
  @problem(429, 'There were too many wrong passwords')
  async changePassword(@Caller() caller: Claims, @Body({ schema: ChangePassword }) body: ChangePassword): Promise<void> {
    await this.me.changePassword(caller.sub as UserId, caller.sid, body)
  }

  @Post('email')
  @HttpCode(202)
  @Requires('account:write', { freshS: FRESH_S })
  @ApiOperation({
    summary: 'Change my email address',
    description:
      'Sends a mail with a link to the address that I have and to the new one. The address changes once both have confirmed, within a day. The answer is the same where the new address has an account already.',
  })
  @ApiAcceptedResponse({ description: 'The mails are on their way', standardSchema: MailSent })
  @problem(429, 'I have asked too often')
  async changeEmail(@Caller() caller: Claims, @Body({ schema: ChangeEmail }) { email }: ChangeEmail): Promise<MailSent> {
    await this.emails.ask(caller.sub as UserId, email)
    return { status: 'mail_sent' }
  }
}
