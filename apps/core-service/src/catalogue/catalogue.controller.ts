import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common'
import { ApiHeader, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { Problem, type ProductId as ProductIdType } from '@catamaran/contracts'
import { Anonymous } from '@catamaran/platform'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Product, ProductId, ProductPage, ProductQuery } from './catalogue.schema.js'
import { CatalogueService } from './catalogue.service.js'
import type { CachedProduct } from './product-cache.js'
import { SearchService } from './search.service.js'

@ApiTags('Catalogue')
@Controller('v1/products')
export class CatalogueController {
  constructor(
    private readonly catalogue: CatalogueService,
    private readonly search: SearchService,
  ) {}

  @Get()
  @Anonymous()
  @ApiOperation({
    summary: 'List and search products',
    description: `Newest first, or by relevance with \`q\`; with filters, another order, and counts of what the hits have in common. A cursor goes on in its own list: the same words, filters and order.
A page may hold fewer than \`limit\` while there are more: read on until \`nextCursor\` is null.`,
  })
  @ApiHeader({
    name: 'Device-Id',
    required: false,
    description:
      'A random id (16 to 64 letters, digits, - or _) that an app keeps while nobody is signed in, so that what is tried out with some callers stays the same for one.',
  })
  @ApiOkResponse({ standardSchema: ProductPage })
  list(@Query({ schema: ProductQuery }) query: ProductQuery): Promise<ProductPage> {
    return this.search.list(query)
  }

  @Get(':id')
  @Anonymous()
  @ApiOperation({
    summary: 'Read a product',
    description: 'Revalidate with `If-None-Match`. While the database is away a known product is served stale and `Cache-Status` says so.',
  })
  @ApiHeader({ name: 'If-None-Match', required: false })
  @ApiOkResponse({ standardSchema: Product })
  @ApiNotFoundResponse({ standardSchema: Problem })
  async read(
    @Param('id', { schema: ProductId }) id: ProductIdType,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const page = this.catalogue.page(id)
    send(page instanceof Promise ? await page : page, request, reply)
  }
}

const send = (page: CachedProduct, request: FastifyRequest, reply: FastifyReply): void => {
  reply.header('etag', page.etag).header('cache-control', 'no-cache')
  if (page.freshUntil === 0) reply.header('cache-status', 'core-service; hit; fwd=stale; detail="the database is away"')
  const match = request.headers['if-none-match']
  const isKnown = match !== undefined && (match === '*' || match.split(',').some((tag) => tag.trim().replace(/^W\//, '') === page.etag))
  void (isKnown ? reply.code(304).send() : reply.header('content-type', 'application/json; charset=utf-8').send(page.body))
}
