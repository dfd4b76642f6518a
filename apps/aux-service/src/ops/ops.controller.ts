import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import {
  AuditQuery,
  DeadLettersQuery,
  idSchema,
  PageQuery,
  ReplayDeadLetters,
  ReplayUnpublishable,
  type AuditEntryPage,
  type DeadLetterDetails,
  type DeadLetterPage,
  type Id,
  type OutboxState,
  type Replaying,
  type UnpublishableEventPage,
} from '@catamaran/contracts'
import { Requires } from '@catamaran/platform'
import { AuditTrailService } from '../audit/audit-trail.service.js'
import { DeadLettersService } from './dead-letters.service.js'
import { OutboxService } from './outbox.service.js'

const LetterId = () => Param('id', { schema: idSchema('deadLetter') })

/** For core-service, which shows it to operators. */
@ApiExcludeController()
@Controller('internal/ops')
export class OpsController {
  constructor(
    private readonly letters: DeadLettersService,
    private readonly outbox: OutboxService,
    private readonly trail: AuditTrailService,
  ) {}

  @Get('dead-letters')
  @Requires('ops')
  list(@Query({ schema: DeadLettersQuery }) query: DeadLettersQuery): Promise<DeadLetterPage> {
    return this.letters.list(query)
  }

  @Get('dead-letters/:id')
  @Requires('ops')
  read(@LetterId() id: Id<'deadLetter'>): Promise<DeadLetterDetails> {
    return this.letters.read(id)
  }

  @Post('dead-letters/replay')
  @HttpCode(202)
  @Requires('ops')
  replayAll(@Body({ schema: ReplayDeadLetters }) body: ReplayDeadLetters): Promise<Replaying> {
    return this.letters.replayAll(body)
  }

  @Post('dead-letters/:id/replay')
  @HttpCode(202)
  @Requires('ops')
  replay(@LetterId() id: Id<'deadLetter'>): Promise<DeadLetterDetails> {
    return this.letters.replay(id)
  }

  @Get('audit')
  @Requires('ops')
  listAudit(@Query({ schema: AuditQuery }) query: AuditQuery): Promise<AuditEntryPage> {
    return this.trail.list(query)
  }

  @Get('outbox')
  @Requires('ops')
  state(): Promise<OutboxState> {
    return this.outbox.state()
  }

  @Get('outbox/unpublishable')
  @Requires('ops')
  listUnpublishable(@Query({ schema: PageQuery }) query: PageQuery): Promise<UnpublishableEventPage> {
    return this.outbox.listUnpublishable(query)
  }

  @Post('outbox/unpublishable/replay')
  @HttpCode(202)
  @Requires('ops')
  replayUnpublishable(@Body({ schema: ReplayUnpublishable }) body: ReplayUnpublishable): Promise<Replaying> {
    return this.outbox.replay(body)
  }
}
