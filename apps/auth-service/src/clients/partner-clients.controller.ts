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
import { Problem, type Page, type PageQuery } from '@catamaran/contracts'
import { answerOnce, ApiIdempotencyKey, IdempotencyKey, Requires } from '@catamaran/platform'
import type { FastifyReply } from 'fastify'
import { ForPartner, Membership } from '../partners/membership.guard.js'
import type { Member } from '../partners/memberships.service.js'
import { ClientId, ClientsQuery, MadeClient, NewClient, PartnerClient, PartnerClientPage } from './clients.schema.js'
import { PartnerClientsService } from './partner-clients.service.js'

/** How old a sign-in may be, in seconds, for making credentials that outlive it. */
const FRESH_S = 300

@ApiTags('OAuth clients')
@ForPartner()
@Controller('v1/partner/clients')
export class PartnerClientsController {
  constructor(private readonly clients: PartnerClientsService) {}

  @Post()
  @HttpCode(201)
  @Header('cache-control', 'no-store')
  @Requires('partner:write', { role: 'developer', freshS: FRESH_S })
  @ApiOperation({
    summary: 'Make an OAuth client',
    description: 'For client credentials: with a secret, which the answer shows this once, or with your public keys (`private_key_jwt`).',
  })
  @ApiIdempotencyKey('client')
  @ApiCreatedResponse({ standardSchema: MadeClient })
  @ApiConflictResponse({ description: 'The plan allows no more, or the partner is not active', standardSchema: Problem })
  async create(
    @Membership() member: Member,
    @IdempotencyKey({ required: false }) key: string | undefined,
    @Body({ schema: NewClient }) body: NewClient,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MadeClient> {
    return answerOnce(reply, await this.clients.create(member, key, body))
  }

  @Get()
  @Requires('partner:read', { role: 'viewer' })
  @ApiOperation({ summary: 'List the OAuth clients', description: 'Those that were not revoked.' })
  @ApiOkResponse({ standardSchema: PartnerClientPage })
  list(@Membership() { partnerId }: Member, @Query({ schema: ClientsQuery }) query: PageQuery): Promise<Page<PartnerClient>> {
    return this.clients.list(partnerId, query)
  }

  @Get(':id')
  @Requires('partner:read', { role: 'viewer' })
  @ApiOperation({ summary: 'Read an OAuth client' })
  @ApiOkResponse({ standardSchema: PartnerClient })
  @ApiNotFoundResponse({ standardSchema: Problem })
  read(@Membership() { partnerId }: Member, @Param('id', { schema: ClientId }) id: string): Promise<PartnerClient> {
    return this.clients.read(partnerId, id)
  }

  @Delete(':id')
  @HttpCode(204)
  @Requires('partner:write', { role: 'developer' })
  @ApiOperation({ summary: 'Revoke an OAuth client', description: 'It and the tokens it was given stop working within a second.' })
  @ApiNoContentResponse({ description: 'It works no more' })
  @ApiNotFoundResponse({ standardSchema: Problem })
  revoke(@Membership() { partnerId }: Member, @Param('id', { schema: ClientId }) id: string): Promise<void> {
    return this.clients.revoke(partnerId, id)
  }
}
