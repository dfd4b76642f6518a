import { Controller, Delete, HttpCode } from '@nestjs/common'
import { ApiAcceptedResponse, ApiConflictResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { Problem, type UserId } from '@catamaran/contracts'
import { Caller, Requires, type Claims } from '@catamaran/platform'
import { Erasure } from './erasure.schema.js'
import { ErasureService } from './erasure.service.js'

@ApiTags('Account')
@Controller('v1/me')
export class ErasureController {
  constructor(private readonly erasures: ErasureService) {}

  @Delete()
  @HttpCode(202)
  @Requires('account:write', { freshS: 300 })
  @ApiOperation({
    summary: 'Close my account and have my data erased',
    description:
      'For good. Nobody can sign in any more, and every session ends. Orders under way are carried out; their data goes when they have ended. Finished orders stay under a pseudonym.',
  })
  @ApiAcceptedResponse({ description: 'The account is closed; a mail confirms it', standardSchema: Erasure })
  @ApiConflictResponse({ description: 'A partner would be left without an owner', standardSchema: Problem })
  close(@Caller() { sub }: Claims): Promise<Erasure> {
    return this.erasures.close(sub as UserId)
  }
}
