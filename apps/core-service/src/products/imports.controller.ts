import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common'
import {
  ApiConflictResponse,
  ApiConsumes,
  ApiHeader,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiProduces,
  ApiTags,
} from '@nestjs/swagger'
import { Problem, type PartnerId } from '@catamaran/contracts'
import { AppError, NDJSON, PartnerCaller, Requires } from '@catamaran/platform'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ImportId, ImportQuery, LineResult, ProductImport } from './imports.schema.js'
import { ImportsService } from './imports.service.js'

@ApiTags('Partner catalogue')
@Controller('v1/partner')
export class ImportsController {
  constructor(private readonly imports: ImportsService) {}

  @Post('products/import')
  @HttpCode(200)
  @Requires('catalogue', {}, { ndjson: true })
  @ApiOperation({
    summary: 'Import products',
    description:
      'A product each line, found by its `sku`: made, changed, or left as it is. Answers a result each line while lines come in; read while you send. A bad line refuses only itself. After a lost connection send again under the same `Import-Id`, all lines or those after `linesDone`.',
  })
  @ApiConsumes(NDJSON)
  @ApiProduces(NDJSON)
  @ApiHeader({ name: 'Import-Id', required: true, description: 'A name that you give the import: 1 to 64 letters, digits, - or _' })
  @ApiOkResponse({ standardSchema: LineResult, description: 'A result each line' })
  @ApiConflictResponse({ description: 'Lines are missing, or the partner is not active', standardSchema: Problem })
  async import(
    @PartnerCaller() partner: PartnerId,
    @Query({ schema: ImportQuery }) { firstLine }: ImportQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { body } = request
    if (!(body instanceof Readable)) throw new AppError('request.unsupported-media-type', { detail: `Send Content-Type: ${NDJSON}.` })
    await this.imports.run(partner, { id: importIdOf(request), firstLine, body }, async (results) => {
      reply.hijack()
      reply.raw.writeHead(200, { ...(reply.getHeaders() as Record<string, string>), 'content-type': NDJSON })
      reply.raw.flushHeaders()
      await pipeline(results, textOf, reply.raw)
    })
  }

  @Get('imports/:id')
  @Requires('catalogue')
  @ApiOperation({ summary: 'Read how far an import has come' })
  @ApiOkResponse({ standardSchema: ProductImport })
  @ApiNotFoundResponse({ standardSchema: Problem })
  read(@PartnerCaller() partner: PartnerId, @Param('id', { schema: ImportId }) id: string): Promise<ProductImport> {
    return this.imports.read(partner, id)
  }
}

const importIdOf = ({ headers }: FastifyRequest): string => {
  const parsed = ImportId.safeParse(headers['import-id'])
  if (!parsed.success) throw new AppError('request.invalid', { detail: 'Import-Id: expected 1 to 64 letters, digits, - or _.' })
  return parsed.data
}

async function* textOf(groups: AsyncIterable<LineResult[]>): AsyncGenerator<string> {
  for await (const group of groups) yield group.map((result) => `${JSON.stringify(result)}\n`).join('')
}
