import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post } from '@nestjs/common'
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger'
import { Problem, type UserId } from '@catamaran/contracts'
import { Caller, Requires, type Claims } from '@catamaran/platform'
import { FRESH_S } from '../sign-in/fresh.js'
import { AddPasskey, Passkey, PasskeyId, PasskeyList, PasskeyOptions, RenamePasskey } from './passkeys.schema.js'
import { PasskeysService, type PasskeyId as Id } from './passkeys.service.js'

const problem = (status: number, description: string) => ApiResponse({ status, description, standardSchema: Problem })

@ApiTags('Account')
@Controller('v1/me/passkeys')
export class PasskeysController {
  constructor(private readonly passkeys: PasskeysService) {}

  @Get()
  @Requires('account:read')
  @ApiOperation({ summary: 'List my passkeys' })
  @ApiOkResponse({ standardSchema: PasskeyList })
  async list(@Caller() caller: Claims): Promise<PasskeyList> {
    return { items: await this.passkeys.list(caller.sub as UserId) }
  }

  @Post('options')
  @HttpCode(200)
  @Requires('account:write', { freshS: FRESH_S })
  @ApiOperation({
    summary: 'Start adding a passkey',
    description: 'Options for `navigator.credentials.create`; the challenge works once, for 5 minutes.',
  })
  @ApiOkResponse({ standardSchema: PasskeyOptions })
  options(@Caller() caller: Claims): Promise<PasskeyOptions> {
    return this.passkeys.registrationOptions(caller.sub as UserId)
  }

  @Post()
  @Requires('account:write', { freshS: FRESH_S })
  @ApiOperation({
    summary: 'Add a passkey',
    description:
      'A mail tells of it. It takes no Idempotency-Key: the challenge works once, so the same request adds nothing twice. Where its answer was lost, the list tells.',
  })
  @ApiCreatedResponse({ standardSchema: Passkey })
  @problem(409, 'There are as many passkeys as an account may have')
  @problem(422, 'The passkey was not accepted')
  add(@Caller() caller: Claims, @Body({ schema: AddPasskey }) body: AddPasskey): Promise<Passkey> {
    return this.passkeys.add(caller.sub as UserId, body)
  }

  @Patch(':id')
  @Requires('account:write')
  @ApiOperation({ summary: 'Rename a passkey' })
  @ApiOkResponse({ standardSchema: Passkey })
  @problem(404, 'I have no such passkey')
  rename(
    @Caller() caller: Claims,
    @Param('id', { schema: PasskeyId }) id: Id,
    @Body({ schema: RenamePasskey }) { name }: RenamePasskey,
  ): Promise<Passkey> {
    return this.passkeys.rename(caller.sub as UserId, id, name)
  }

  @Delete(':id')
  @HttpCode(204)
  @Requires('account:write', { freshS: FRESH_S })
  @ApiOperation({ summary: 'Remove a passkey', description: 'It can’t sign in any more. A mail tells of it.' })
  @ApiNoContentResponse({ description: 'It is gone' })
  @problem(404, 'I have no such passkey')
  remove(@Caller() caller: Claims, @Param('id', { schema: PasskeyId }) id: Id): Promise<void> {
    return this.passkeys.remove(caller.sub as UserId, id)
  }
}
