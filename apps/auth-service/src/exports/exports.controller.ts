import { Controller, Get, HttpCode, Param, Post, Res } from '@nestjs/common'
import { ApiAcceptedResponse, ApiConflictResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { Problem, type UserId } from '@catamaran/contracts'
import { answerOnce, ApiIdempotencyKey, Caller, IdempotencyKey, Requires, type Claims } from '@catamaran/platform'
import type { FastifyReply } from 'fastify'
import { Export, ExportId, type ExportId as ExportIdType } from './exports.schema.js'
import { ExportsService } from './exports.service.js'
import { sendExport } from './send-export.js'

@ApiTags('Account')
@Controller('v1/me/export')
export class ExportsController {
  constructor(private readonly exports: ExportsService) {}

  @Post()
  @HttpCode(202)
  @Requires('account:read', { freshS: 300 })
  @ApiOperation({
    summary: 'Ask for a copy of my data',
    description:
      'One JSON file with all that is held about you; a mail tells when it is ready. While one is pending, the answer is that one. At most three a day.',
  })
  @ApiIdempotencyKey('copy')
  @ApiAcceptedResponse({
    description: 'It is being gathered',
    standardSchema: Export,
    headers: { Location: { description: 'Where its status is', schema: { type: 'string' } } },
  })
  async request(
    @Caller() { sub }: Claims,
    @IdempotencyKey({ required: false }) key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Export> {
    const asked = answerOnce(reply, await this.exports.request(sub as UserId, key))
    reply.header('location', `/v1/me/export/${asked.id}`)
    return asked
  }

  @Get(':id')
  @Requires('account:read')
  @ApiOperation({ summary: 'Look whether a copy of my data is ready' })
  @ApiOkResponse({ standardSchema: Export })
  @ApiNotFoundResponse({ standardSchema: Problem })
  read(@Caller() { sub }: Claims, @Param('id', { schema: ExportId }) id: ExportIdType): Promise<Export> {
    return this.exports.read(sub as UserId, id)
  }

  @Get(':id/content')
  @Requires('account:read', { freshS: 300 })
  @ApiOperation({ summary: 'Fetch a copy of my data' })
  @ApiOkResponse({ description: 'The file', content: { 'application/json': { schema: { type: 'object' } } } })
  @ApiNotFoundResponse({ standardSchema: Problem })
  @ApiConflictResponse({ description: 'It is not ready yet', standardSchema: Problem })
  async readContent(
    @Caller() { sub }: Claims,
    @Param('id', { schema: ExportId }) id: ExportIdType,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await sendExport(reply, await this.exports.readContent(sub as UserId, id))
  }
}
