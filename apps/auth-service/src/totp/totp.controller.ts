import { Body, Controller, Delete, Get, HttpCode, Post } from '@nestjs/common'
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger'
import { Problem, type UserId } from '@catamaran/contracts'
import { Caller, Requires, type Claims } from '@catamaran/platform'
import { FRESH_S } from '../sign-in/fresh.js'
import { ConfirmTotp, RecoveryCodes, TotpStarted, TotpState } from './totp.schema.js'
import { TotpService } from './totp.service.js'

const problem = (status: number, description: string) => ApiResponse({ status, description, standardSchema: Problem })

@ApiTags('Account')
@Controller('v1/me')
export class TotpController {
  constructor(private readonly totp: TotpService) {}

  @Get('totp')
  @Requires('account:read')
  @ApiOperation({ summary: 'Whether sign-in asks for codes' })
  @ApiOkResponse({ standardSchema: TotpState })
  state(@Caller() caller: Claims): Promise<TotpState> {
    return this.totp.state(caller.sub as UserId)
  }

  @Post('totp')
  @Requires('account:write', { freshS: FRESH_S })
  @ApiOperation({
    summary: 'Start with an authenticator app',
    description:
      'Makes a secret. Codes count once one of them was confirmed. It takes no Idempotency-Key: sent again it makes another secret, and the last one counts.',
  })
  @ApiCreatedResponse({ standardSchema: TotpStarted })
  @problem(409, 'Codes are switched on already')
  start(@Caller() caller: Claims): Promise<TotpStarted> {
    return this.totp.start(caller.sub as UserId)
  }

  @Post('totp/confirm')
  @HttpCode(200)
  @Requires('account:write', { freshS: FRESH_S })
  @ApiOperation({
    summary: 'Switch codes on with the first one',
    description: 'Gives ten recovery codes, once. A mail tells of the change.',
  })
  @ApiOkResponse({ standardSchema: RecoveryCodes })
  @problem(409, 'Codes are switched on already, or were never started')
  @problem(422, 'The code is not right')
  async confirm(@Caller() caller: Claims, @Body({ schema: ConfirmTotp }) { code }: ConfirmTotp): Promise<RecoveryCodes> {
    return { codes: await this.totp.confirm(caller.sub as UserId, code) }
  }

  @Delete('totp')
  @HttpCode(204)
  @Requires('account:write', { freshS: FRESH_S })
  @ApiOperation({ summary: 'Switch codes off', description: 'The recovery codes go too. A mail tells of the change.' })
  @ApiNoContentResponse({ description: 'Codes are off' })
  @problem(409, 'Codes are not switched on')
  switchOff(@Caller() caller: Claims): Promise<void> {
    return this.totp.switchOff(caller.sub as UserId)
  }

  @Post('recovery-codes')
  @Requires('account:write', { freshS: FRESH_S })
  @ApiOperation({
    summary: 'Make new recovery codes',
    description:
      'Ten, shown once. All older ones stop working. It takes no Idempotency-Key, since a replay could not show them: where the answer was lost, send it again.',
  })
  @ApiCreatedResponse({ standardSchema: RecoveryCodes })
  @problem(409, 'Codes are not switched on')
  async renew(@Caller() caller: Claims): Promise<RecoveryCodes> {
    return { codes: await this.totp.renewCodes(caller.sub as UserId) }
  }
}
