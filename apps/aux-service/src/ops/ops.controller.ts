import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import {
  DeadLettersQuery,
  idSchema,
  PageQuery,
  ReplayDeadLetters,
  ReplayUnpublishable,
  type DeadLetterDetails,
  type DeadLetterPage,
  type OutboxState,
  type Replaying,
  type UnpublishableEventPage,
} from '@catamaran/contracts'
import { OutboxView } from '@catamaran/messaging'
import { Requires } from '@catamaran/platform'
import type { LetterId } from './dead-letters.repository.js'
import { DeadLettersService } from './dead-letters.service.js'

const Id = () => Param('id', { schema: idSchema('deadLetter') })

/** For core-service, which shows it to operators. */
@ApiExcludeController()
@Controller('internal/ops')
export class OpsController {
  constructor(
    private readonly letters: DeadLettersService,
    private readonly outbox: OutboxView,
  ) {}

  @Get('dead-letters')
  @Requires('ops')
  list(@Query({ schema: DeadLettersQuery }) query: DeadLettersQuery): Promise<DeadLetterPage> {
    return this.letters.list(query)
  }

  @Get('dead-letters/:id')
  @Requires('ops')
  read(@Id() id: LetterId): Promise<DeadLetterDetails> {
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
  replay(@Id() id: LetterId): Promise<DeadLetterDetails> {
    return this.letters.replay(id)
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
