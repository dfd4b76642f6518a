import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common'
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { OutboxState, PageQuery, Replaying, ReplayUnpublishable, UnpublishableEventPage } from '@catamaran/contracts'
import { Requires } from '@catamaran/platform'
import { IdentityOutboxService } from './identity-outbox.service.js'

@ApiTags('Operators')
@Controller('v1/ops/identity/outbox')
export class IdentityOutboxController {
  constructor(private readonly outbox: IdentityOutboxService) {}

  @Get()
  @Requires('ops')
  @ApiOperation({ summary: 'Read the outbox of auth-service', description: 'How many events wait for Kafka, and how old the oldest is.' })
  @ApiOkResponse({ standardSchema: OutboxState })
  state(): Promise<OutboxState> {
    return this.outbox.state()
  }

  @Get('unpublishable')
  @Requires('ops')
  @ApiOperation({ summary: 'List events of auth-service that could not be published', description: 'The oldest first.' })
  @ApiOkResponse({ standardSchema: UnpublishableEventPage })
  list(@Query({ schema: PageQuery }) query: PageQuery): Promise<UnpublishableEventPage> {
    return this.outbox.listUnpublishable(query)
  }

  @Post('unpublishable/replay')
  @HttpCode(202)
  @Requires('ops')
  @ApiOperation({
    summary: 'Publish events of auth-service that were set aside',
    description: 'They go back behind all that waits, at most 10,000 at once; what can’t be published still is set aside again.',
  })
  @ApiAcceptedResponse({ standardSchema: Replaying })
  replay(@Body({ schema: ReplayUnpublishable }) body: ReplayUnpublishable): Promise<Replaying> {
    return this.outbox.replay(body)
  }
}
