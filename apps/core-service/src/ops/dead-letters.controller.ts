import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common'
import { ApiAcceptedResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import {
  DeadLetterDetails,
  DeadLetterPage,
  DeadLettersQuery,
  idSchema,
  Problem,
  ReplayDeadLetters,
  Replaying,
  type Id,
} from '@catamaran/contracts'
import { HttpClient, Requires } from '@catamaran/platform'
import { AUX } from '../config.js'

const PATH = '/internal/ops/dead-letters'
/** A replay by filter may mark many. */
const REPLAY_ALL_MS = 8_000
const LetterId = () => Param('id', { schema: idSchema('deadLetter') })

@ApiTags('Operators')
@Controller('v1/ops/dead-letters')
export class DeadLettersController {
  constructor(@Inject(AUX) private readonly aux: HttpClient) {}

  @Get()
  @Requires('ops')
  @ApiOperation({
    summary: 'List dead letters',
    description: 'Messages that a consumer group of any service gave up, the newest first; by default those that were not replayed.',
  })
  @ApiOkResponse({ standardSchema: DeadLetterPage })
  list(@Query({ schema: DeadLettersQuery }) query: DeadLettersQuery): Promise<DeadLetterPage> {
    return this.aux.call({ path: PATH, query, answer: DeadLetterPage })
  }

  @Get(':id')
  @Requires('ops')
  @ApiOperation({ summary: 'Read a dead letter', description: 'With what its message says.' })
  @ApiOkResponse({ standardSchema: DeadLetterDetails })
  @ApiNotFoundResponse({ standardSchema: Problem })
  read(@LetterId() id: Id<'deadLetter'>): Promise<DeadLetterDetails> {
    return this.aux.call({ path: `${PATH}/${id}`, answer: DeadLetterDetails })
  }

  @Post('replay')
  @HttpCode(202)
  @Requires('ops')
  @ApiOperation({
    summary: 'Replay dead letters',
    description:
      'All that a filter means, or all, the oldest 10,000 at once. Only what is still dead goes, so the same again sends nothing twice.',
  })
  @ApiAcceptedResponse({ standardSchema: Replaying })
  replayAll(@Body({ schema: ReplayDeadLetters }) body: ReplayDeadLetters): Promise<Replaying> {
    return this.aux.call({ method: 'POST', path: `${PATH}/replay`, body, answer: Replaying, idempotent: false, deadlineMs: REPLAY_ALL_MS })
  }

  @Post(':id/replay')
  @HttpCode(202)
  @Requires('ops')
  @ApiOperation({
    summary: 'Replay a dead letter',
    description:
      'Its message goes to its topic again, for its group alone. The same again changes nothing; should it fail again, it is a new letter.',
  })
  @ApiAcceptedResponse({ standardSchema: DeadLetterDetails })
  @ApiNotFoundResponse({ standardSchema: Problem })
  replay(@LetterId() id: Id<'deadLetter'>): Promise<DeadLetterDetails> {
    return this.aux.call({ method: 'POST', path: `${PATH}/${id}/replay`, answer: DeadLetterDetails, idempotent: true })
  }
}
