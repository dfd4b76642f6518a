import { Body, Controller, Get, HttpCode, Patch, Post, Query, Res } from '@nestjs/common'
import { ApiConflictResponse, ApiCreatedResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { Problem, type Page, type PageQuery, type UserId } from '@catamaran/contracts'
import { answerOnce, ApiIdempotencyKey, Caller, IdempotencyKey, Requires, type Claims } from '@catamaran/platform'
import type { FastifyReply } from 'fastify'
import { ForPartner, Membership } from './membership.guard.js'
import type { Member } from './memberships.service.js'
import { ChangePartner, ListQuery, MyPartnerPage, NewPartner, Partner, type MyPartner } from './partners.schema.js'
import { PartnersService } from './partners.service.js'

@ApiTags('Partners')
@Controller('v1')
export class PartnersController {
  constructor(private readonly partners: PartnersService) {}

  @Post('partners')
  @HttpCode(201)
  @Requires('partner:write')
  @ApiOperation({ summary: 'Become a partner', description: 'The new partner is yours, and waits for an operator’s approval.' })
  @ApiIdempotencyKey('partner')
  @ApiCreatedResponse({ standardSchema: Partner })
  @ApiConflictResponse({ description: 'Too many of yours are waiting', standardSchema: Problem })
  async create(
    @Caller() person: Claims,
    @IdempotencyKey({ required: false }) key: string | undefined,
    @Body({ schema: NewPartner }) body: NewPartner,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Partner> {
    return answerOnce(reply, await this.partners.create(person.sub as UserId, key, body))
  }

  @Get('partners')
  @Requires('partner:read')
  @ApiOperation({ summary: 'List my partners', description: 'Those you are a member of, each with your role.' })
  @ApiOkResponse({ standardSchema: MyPartnerPage })
  list(@Caller() { sub }: Claims, @Query({ schema: ListQuery }) query: PageQuery): Promise<Page<MyPartner>> {
    return this.partners.list(sub, query)
  }

  @Get('partner')
  @Requires('partner:read', { role: 'viewer' })
  @ForPartner()
  @ApiOperation({ summary: 'Read the partner' })
  @ApiOkResponse({ standardSchema: Partner })
  @ApiNotFoundResponse({ standardSchema: Problem })
  read(@Membership() { partnerId }: Member): Promise<Partner> {
    return this.partners.read(partnerId)
  }

  @Patch('partner')
  @Requires('partner:write', { role: 'owner' })
  @ForPartner()
  @ApiOperation({ summary: 'Change the partner' })
  @ApiOkResponse({ standardSchema: Partner })
  @ApiNotFoundResponse({ standardSchema: Problem })
  change(@Membership() { partnerId }: Member, @Body({ schema: ChangePartner }) body: ChangePartner): Promise<Partner> {
    return this.partners.change(partnerId, body)
  }
}
