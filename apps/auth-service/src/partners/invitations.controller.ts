import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common'
import {
  ApiConflictResponse,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger'
import { Problem, type Id, type Page, type PageQuery } from '@catamaran/contracts'
import { answerOnce, ApiIdempotencyKey, Caller, IdempotencyKey, Requires, type Claims } from '@catamaran/platform'
import type { FastifyReply } from 'fastify'
import { AcceptInvitation, Invitation, InvitationId, InvitationPage, Invite } from './invitations.schema.js'
import { InvitationsService } from './invitations.service.js'
import { ForPartner, Membership } from './membership.guard.js'
import type { Member } from './memberships.service.js'
import { ListQuery, Partner } from './partners.schema.js'

@ApiTags('Partners')
@Controller('v1')
export class InvitationsController {
  constructor(private readonly invitations: InvitationsService) {}

  @Get('partner/invitations')
  @Requires('partner:read', { role: 'owner' })
  @ForPartner()
  @ApiOperation({ summary: 'List the invitations that are open' })
  @ApiOkResponse({ standardSchema: InvitationPage })
  list(@Membership() { partnerId }: Member, @Query({ schema: ListQuery }) query: PageQuery): Promise<Page<Invitation>> {
    return this.invitations.list(partnerId, query)
  }

  @Post('partner/invitations')
  @HttpCode(201)
  @Requires('partner:write', { role: 'owner' })
  @ForPartner()
  @ApiOperation({
    summary: 'Invite somebody',
    description: 'Sends a link that works once, for seven days, for an account with that address. Inviting again replaces it.',
  })
  @ApiIdempotencyKey('invitation')
  @ApiCreatedResponse({ standardSchema: Invitation })
  @ApiConflictResponse({ description: 'They are a member, or the partner is not active', standardSchema: Problem })
  async invite(
    @Membership() member: Member,
    @IdempotencyKey({ required: false }) key: string | undefined,
    @Body({ schema: Invite }) body: Invite,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Invitation> {
    return answerOnce(reply, await this.invitations.invite(member, key, body))
  }

  @Delete('partner/invitations/:id')
  @HttpCode(204)
  @Requires('partner:write', { role: 'owner' })
  @ForPartner()
  @ApiOperation({ summary: 'Withdraw an invitation' })
  @ApiNoContentResponse({ description: 'Its link works no more' })
  @ApiNotFoundResponse({ standardSchema: Problem })
  withdraw(@Membership() { partnerId }: Member, @Param('id', { schema: InvitationId }) id: Id<'invitation'>): Promise<void> {
    return this.invitations.withdraw(partnerId, id)
  }

  @Post('partners/invitations/accept')
  @HttpCode(200)
  @Requires('partner:write')
  @ApiOperation({ summary: 'Accept an invitation', description: 'For the account whose confirmed address it was sent to.' })
  @ApiOkResponse({ description: 'The partner you are a member of now', standardSchema: Partner })
  @ApiNotFoundResponse({ standardSchema: Problem })
  accept(@Caller() { sub }: Claims, @Body({ schema: AcceptInvitation }) { token }: AcceptInvitation): Promise<Partner> {
    return this.invitations.accept(sub, token)
  }
}
