import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Query } from '@nestjs/common'
import { ApiConflictResponse, ApiNoContentResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { Problem, type Page, type PageQuery, type UserId as UserIdType } from '@catamaran/contracts'
import { Requires } from '@catamaran/platform'
import { MembersService } from './members.service.js'
import { ForPartner, Membership } from './membership.guard.js'
import type { Member as Caller } from './memberships.service.js'
import { ChangeMember, ListQuery, Member, MemberPage, UserId } from './partners.schema.js'

@ApiTags('Partners')
@ForPartner()
@Controller('v1/partner/members')
export class MembersController {
  constructor(private readonly members: MembersService) {}

  @Get()
  @Requires('partner:read', { role: 'viewer' })
  @ApiOperation({ summary: 'List the members' })
  @ApiOkResponse({ standardSchema: MemberPage })
  list(@Membership() { partnerId }: Caller, @Query({ schema: ListQuery }) query: PageQuery): Promise<Page<Member>> {
    return this.members.list(partnerId, query)
  }

  @Delete('me')
  @HttpCode(204)
  @Requires('partner:write', { role: 'viewer' })
  @ApiOperation({ summary: 'Leave the partner' })
  @ApiNoContentResponse({ description: 'You are no member any more' })
  @ApiConflictResponse({ description: 'You are the only owner', standardSchema: Problem })
  leave(@Membership() { partnerId, userId }: Caller): Promise<void> {
    // No key or client can be given partner:write.
    return this.members.remove(partnerId, userId as UserIdType)
  }

  @Patch(':userId')
  @Requires('partner:write', { role: 'owner' })
  @ApiOperation({ summary: 'Give a member another role' })
  @ApiOkResponse({ standardSchema: Member })
  @ApiNotFoundResponse({ standardSchema: Problem })
  @ApiConflictResponse({ description: 'There would be no owner left', standardSchema: Problem })
  change(
    @Membership() { partnerId }: Caller,
    @Param('userId', { schema: UserId }) userId: UserIdType,
    @Body({ schema: ChangeMember }) body: ChangeMember,
  ): Promise<Member> {
    return this.members.change(partnerId, userId, body)
  }

  @Delete(':userId')
  @HttpCode(204)
  @Requires('partner:write', { role: 'owner' })
  @ApiOperation({ summary: 'Remove a member', description: 'API keys that they made go on working: they are the partner’s.' })
  @ApiNoContentResponse({ description: 'They are no member any more' })
  @ApiNotFoundResponse({ standardSchema: Problem })
  @ApiConflictResponse({ description: 'There would be no owner left', standardSchema: Problem })
  remove(@Membership() { partnerId }: Caller, @Param('userId', { schema: UserId }) userId: UserIdType): Promise<void> {
    return this.members.remove(partnerId, userId)
  }
}
