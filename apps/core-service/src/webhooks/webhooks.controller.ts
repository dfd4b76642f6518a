import { Body, Controller, Delete, Get, Header, HttpCode, Inject, Param, Patch, Post, Query, Res } from '@nestjs/common'
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags, ApiHeader } from '@nestjs/swagger'
import {
  ChangeWebhookEndpoint,
  CreateWebhookEndpoint,
  idSchema,
  NewWebhookEndpoint,
  PageQuery,
  RotateWebhookSecret,
  WebhookEndpoint,
  WebhookEndpointPage,
  type Id,
  type PartnerId,
} from '@catamaran/contracts'
import { Caller, IdempotencyKey, HttpClient, PartnerCaller, Requires, type Claims } from '@catamaran/platform'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { AUX } from '../config.js'
import { DEADLINE_MS, WebhooksService } from './webhooks.service.js'

const EndpointId = idSchema('webhookEndpoint')
type EndpointId = Id<'webhookEndpoint'>

const NO_STORE = ['cache-control', 'no-store'] as const

@ApiTags('Webhooks')
@Controller('v1/partner/webhooks')
export class WebhooksController {
  constructor(
    private readonly webhooks: WebhooksService,
    @Inject(AUX) private readonly aux: HttpClient,
  ) {}

  @Post()
  @Requires('webhooks')
  @Header(...NO_STORE)
  @ApiOperation({
    summary: 'Make a webhook endpoint',
    description: 'The answer holds the signing secret, this once: a replay of the same Idempotency-Key is without it.',
  })
  @ApiHeader({ name: 'Idempotency-Key', required: true, description: 'Fresh for each new endpoint, the same for a retry' })
  @ApiCreatedResponse({ standardSchema: NewWebhookEndpoint })
  async create(
    @PartnerCaller() _partner: PartnerId,
    @Caller() { plan }: Claims,
    @IdempotencyKey({ required: true }) key: string,
    @Body({ schema: CreateWebhookEndpoint }) body: CreateWebhookEndpoint,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<NewWebhookEndpoint> {
    const { endpoint, isReplay } = await this.webhooks.create(plan, body, key)
    if (isReplay) reply.header('idempotency-replayed', 'true')
    return endpoint
  }

  @Get()
  @Requires('webhooks')
  @ApiOperation({ summary: 'List my webhook endpoints', description: 'The oldest first.' })
  @ApiOkResponse({ standardSchema: WebhookEndpointPage })
  list(@PartnerCaller() _partner: PartnerId, @Query({ schema: PageQuery }) { cursor, limit }: PageQuery): Promise<WebhookEndpointPage> {
    return this.aux.call({ path: '/internal/webhooks', query: { cursor, limit }, answer: WebhookEndpointPage })
  }

  @Get(':id')
  @Requires('webhooks')
  @ApiOperation({ summary: 'Read a webhook endpoint' })
  @ApiOkResponse({ standardSchema: WebhookEndpoint })
  read(@PartnerCaller() _partner: PartnerId, @Param('id', { schema: EndpointId }) id: EndpointId): Promise<WebhookEndpoint> {
    return this.aux.call({ path: `/internal/webhooks/${id}`, answer: WebhookEndpoint })
  }

  @Patch(':id')
  @Requires('webhooks')
  @ApiOperation({ summary: 'Change a webhook endpoint', description: 'What is left out stays. A new URL counts from the next attempt on.' })
  @ApiOkResponse({ standardSchema: WebhookEndpoint })
  change(
    @PartnerCaller() _partner: PartnerId,
    @Param('id', { schema: EndpointId }) id: EndpointId,
    @Body({ schema: ChangeWebhookEndpoint }) body: ChangeWebhookEndpoint,
  ): Promise<WebhookEndpoint> {
    return this.aux.call({ method: 'PATCH', path: `/internal/webhooks/${id}`, body, answer: WebhookEndpoint, deadlineMs: DEADLINE_MS })
  }

  @Delete(':id')
  @Requires('webhooks')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a webhook endpoint', description: 'With its deliveries and all that waits for it.' })
  @ApiNoContentResponse()
  async delete(@PartnerCaller() _partner: PartnerId, @Param('id', { schema: EndpointId }) id: EndpointId): Promise<void> {
    await this.aux.call({ method: 'DELETE', path: `/internal/webhooks/${id}`, answer: z.undefined(), idempotent: false })
  }

  @Post(':id/enable')
  @Requires('webhooks')
  @HttpCode(200)
  @ApiOperation({ summary: 'Enable a webhook endpoint', description: 'What came while it was off is a dead letter: have it redelivered.' })
  @ApiOkResponse({ standardSchema: WebhookEndpoint })
  enable(@PartnerCaller() _partner: PartnerId, @Param('id', { schema: EndpointId }) id: EndpointId): Promise<WebhookEndpoint> {
    return this.aux.call({ method: 'POST', path: `/internal/webhooks/${id}/enable`, answer: WebhookEndpoint, idempotent: true })
  }

  @Post(':id/disable')
  @Requires('webhooks')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Disable a webhook endpoint',
    description: 'What waits for it, and what comes until it is enabled again, become dead letters.',
  })
  @ApiOkResponse({ standardSchema: WebhookEndpoint })
  disable(@PartnerCaller() _partner: PartnerId, @Param('id', { schema: EndpointId }) id: EndpointId): Promise<WebhookEndpoint> {
    return this.aux.call({ method: 'POST', path: `/internal/webhooks/${id}/disable`, answer: WebhookEndpoint, idempotent: true })
  }

  @Post(':id/rotate-secret')
  @Requires('webhooks')
  @HttpCode(200)
  @Header(...NO_STORE)
  @ApiOperation({
    summary: 'Make a new signing secret',
    description: 'Deliveries are signed with the old secrets as well until they end. The answer holds the new one, this once.',
  })
  @ApiOkResponse({ standardSchema: NewWebhookEndpoint })
  rotate(
    @PartnerCaller() _partner: PartnerId,
    @Param('id', { schema: EndpointId }) id: EndpointId,
    @Body({ schema: RotateWebhookSecret }) body: RotateWebhookSecret,
  ): Promise<NewWebhookEndpoint> {
    return this.aux.call({ method: 'POST', path: `/internal/webhooks/${id}/rotate-secret`, body, answer: NewWebhookEndpoint })
  }
}
