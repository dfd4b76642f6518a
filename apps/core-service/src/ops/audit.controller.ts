import { Controller, Get, Inject, Query } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { AuditEntryPage, AuditQuery } from '@catamaran/contracts'
import { HttpClient, Requires } from '@catamaran/platform'
import { AUX } from '../config.js'

@ApiTags('Operators')
@Controller('v1/ops/audit')
export class AuditController {
  constructor(@Inject(AUX) private readonly aux: HttpClient) {}

  @Get()
  @Requires('ops')
  @ApiOperation({
    summary: 'Read the audit trail',
    description:
      'Every change by a person, a key or the system: the events of one topic, the last recorded first. A page looks into so much of the trail at most: it may be short, or empty, and go on by its `nextCursor`. `npm run audit -- chain` proves that nobody altered it.',
  })
  @ApiOkResponse({ standardSchema: AuditEntryPage })
  list(@Query({ schema: AuditQuery }) query: AuditQuery): Promise<AuditEntryPage> {
    return this.aux.call({ path: '/internal/ops/audit', query, answer: AuditEntryPage })
  }
}
