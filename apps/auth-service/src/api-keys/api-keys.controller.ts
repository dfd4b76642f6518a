import { Body, Controller, Delete, Get, Header, HttpCode, Param, Post, Query, Res } from '@nestjs/common'
import {
  ApiConflictResponse,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger'
import { Problem, type ApiKeyId as ApiKeyIdType, type Page, type PageQuery } from '@catamaran/contracts'
import { answerOnce, ApiIdempotencyKey, IdempotencyKey, Requires } from '@catamaran/platform'
import type { FastifyReply } from 'fastify'
import { ForPartner, Membership } from '../partners/membership.guard.js'
import type { Member } from '../partners/memberships.service.js'
import { ApiKey, ApiKeyId, ApiKeyPage, ApiKeysQuery, MadeApiKey, NewApiKey, RotateApiKey } from './api-keys.schema.js'
import { ApiKeysService } from './api-keys.service.js'

/** How old a sign-in may be, in seconds, for making credentials that outlive it. */
const FRESH_S = 300

@ApiTags('API keys')
@ForPartner()
@Controller('v1/partner/api-keys')
export class ApiKeysController {
  constructor(private readonly keys: ApiKeysService) {}

  @Post()
  @HttpCode(201)
  @Header('cache-control', 'no-store')
  @Requires('partner:write', { role: 'developer', freshS: FRESH_S })
  @ApiOperation({ summary: 'Make an API key', description: 'The answer shows it this once: only a hash is kept.' })
  @ApiIdempotencyKey('key')
  @ApiCreatedResponse({ standardSchema: MadeApiKey })
  @ApiConflictResponse({ description: 'The plan allows no more, or the partner is not active', standardSchema: Problem })
  async create(
    @Membership() member: Member,
    @IdempotencyKey({ required: false }) key: string | undefined,
    @Body({ schema: NewApiKey }) body: NewApiKey,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MadeApiKey> {
    return answerOnce(reply, await this.keys.create(member, key, body))
  }

  @Get()
  @Requires('partner:read', { role: 'viewer' })
  @ApiOperation({ summary: 'List the API keys', description: 'Those that were not revoked, the oldest first.' })
  @ApiOkResponse({ standardSchema: ApiKeyPage })
  list(@Membership() { partnerId }: Member, @Query({ schema: ApiKeysQuery }) query: PageQuery): Promise<Page<ApiKey>> {
    return this.keys.list(partnerId, query)
  }

  @Get(':id')
  @Requires('partner:read', { role: 'viewer' })
  @ApiOperation({ summary: 'Read an API key', description: 'Also one that was revoked.' })
  @ApiOkResponse({ standardSchema: ApiKey })
  @ApiNotFoundResponse({ standardSchema: Problem })
  read(@Membership() { partnerId }: Member, @Param('id', { schema: ApiKeyId }) id: ApiKeyIdType): Promise<ApiKey> {
    return this.keys.read(partnerId, id)
  }

  @Post(':id/rotate')
  @HttpCode(201)
  @Header('cache-control', 'no-store')
  @Requires('partner:write', { role: 'developer', freshS: FRESH_S })
  @ApiOperation({
    summary: 'Rotate an API key',
    description: 'Makes the key that follows this one, which goes on working for the overlap. Both count once towards the plan’s limit.',
  })
  @ApiIdempotencyKey('key')
  @ApiCreatedResponse({ standardSchema: MadeApiKey })
  @ApiNotFoundResponse({ standardSchema: Problem })
  @ApiConflictResponse({ description: 'It was rotated already, or the partner is not active', standardSchema: Problem })
  async rotate(
    @Membership() member: Member,
    @IdempotencyKey({ required: false }) key: string | undefined,
    @Param('id', { schema: ApiKeyId }) id: ApiKeyIdType,
    @Body({ schema: RotateApiKey }) body: RotateApiKey,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MadeApiKey> {
    return answerOnce(reply, await this.keys.rotate(member, id, key, body))
  }

  @Delete(':id')
  @HttpCode(204)
  @Requires('partner:write', { role: 'developer' })
  @ApiOperation({ summary: 'Revoke an API key', description: 'It stops working within a second. Safe to repeat.' })
  @ApiNoContentResponse({ description: 'It works no more' })
  @ApiNotFoundResponse({ standardSchema: Problem })
  revoke(@Membership() { partnerId }: Member, @Param('id', { schema: ApiKeyId }) id: ApiKeyIdType): Promise<void> {
    return this.keys.revoke(partnerId, id)
  }
}
