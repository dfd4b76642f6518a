import { Controller, Get, Query } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import { GatewayState } from '@catamaran/contracts'
import { Anonymous } from '@catamaran/platform'
import { z } from 'zod'
import { RevocationsService } from './revocations.service.js'

const StateQuery = z.strictObject({ after: z.coerce.number().int().min(0).default(0) })

/** For the gateways alone, by the call table. */
@ApiExcludeController()
@Controller('internal/gateway/state')
export class RevocationsController {
  constructor(private readonly revocations: RevocationsService) {}

  @Get()
  @Anonymous()
  read(@Query({ schema: StateQuery }) { after }: z.infer<typeof StateQuery>): Promise<GatewayState> {
    return this.revocations.stateAfter(after)
  }
}
