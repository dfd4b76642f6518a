import { Body, Controller, HttpCode, Post, Req } from '@nestjs/common'
import { ApiAcceptedResponse, ApiNoContentResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger'
import { Problem } from '@catamaran/contracts'
import { Anonymous, AppError } from '@catamaran/platform'
import type { FastifyRequest } from 'fastify'
import { Register, Registered, VerifyEmail } from './users.schema.js'
import { UsersService } from './users.service.js'

const problem = (status: number, description: string) => ApiResponse({ status, description, standardSchema: Problem })

@ApiTags('Account')
@Controller('v1/users')
export class UsersController {
  constructor(private readonly users: UsersService) {}

  @Post()
  @HttpCode(202)
  @Anonymous()
  @ApiOperation({
    summary: 'Register',
    description: 'Sends a mail with a link that confirms the address. The answer is the same where the address has an account already.',
  })
  @ApiAcceptedResponse({ description: 'A mail is on its way', standardSchema: Registered })
  @problem(400, 'The address or the password is not one')
  @problem(422, 'The password is one that guessers try')
  async register(@Req() { ip }: FastifyRequest, @Body({ schema: Register }) body: Register): Promise<Registered> {
    await this.users.register(body, ip)
    return { status: 'mail_sent' }
  }

  @Post('verify-email')
  @HttpCode(204)
  @Anonymous()
  @ApiOperation({ summary: 'Confirm an email address', description: 'Makes the account. A link works once, for a day.' })
  @ApiNoContentResponse({ description: 'The account is ready' })
  @problem(400, 'The link was used or has expired')
  async verifyEmail(@Body({ schema: VerifyEmail }) { token }: VerifyEmail): Promise<void> {
    if ((await this.users.confirm(token)) === undefined) throw new AppError('identity.link-invalid')
  }
}
