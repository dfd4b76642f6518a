import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common'
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { OutboxStatePage, PageQuery, Replaying, ReplayUnpublishable, UnpublishableEventPage } from '@catamaran/contracts'
import { Requires } from '@catamaran/platform'
import { z } from 'zod'
import { OutboxService, type OutboxOwner } from './outbox.service.js'

const Service = () => Param('service', { schema: z.enum(['core-service', 'aux-service']) })

@ApiTags('Operators')
@Controller('v1/ops/outbox')
export class OutboxController {
  constructor(private readonly outbox: OutboxService) {}

  @Get()
  @Requires('ops')
  @ApiOperation({
    summary: 'Read the outboxes of core-service and aux-service',
    description: 'How many events wait for Kafka, and how old the oldest is. That of auth-service is at `/v1/ops/identity/outbox`.',
  })
  @ApiOkResponse({ standardSchema: OutboxStatePage })
  states(): Promise<OutboxStatePage> {
    return this.outbox.states()
  }

  @Get(':service/unpublishable')
  @Requires('ops')
  @ApiOperation({
    summary: 'List events that could not be published',
    description: 'The oldest first. They were set aside, so that others go on.',
  })
  @ApiOkResponse({ standardSchema: UnpublishableEventPage })
  list(@Service() service: OutboxOwner, @Query({ schema: PageQuery }) query: PageQuery): Promise<UnpublishableEventPage> {
    return this.outbox.listUnpublishable(service, query)
  }

  @Post(':service/unpublishable/replay')
  @HttpCode(202)
  @Requires('ops')
  @ApiOperation({
    summary: 'Publish events that were set aside',
    description: 'They go back behind all that waits, at most 10,000 at once; what can’t be published still is set aside again.',
  })
  @ApiAcceptedResponse({ standardSchema: Replaying })
  replay(@Service() service: OutboxOwner, @Body({ schema: ReplayUnpublishable }) body: ReplayUnpublishable): Promise<Replaying> {
    return this.outbox.replay(service, body)
  }
}
