import { Body, Controller, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common'
import {
  ApiConflictResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  ApiUnprocessableEntityResponse,
} from '@nestjs/swagger'
import { Problem, type Page, type PartnerId as PartnerIdType } from '@catamaran/contracts'
import { Requires } from '@catamaran/platform'
import { ChangePlan, PartnerCase, PartnerCasePage, PartnerId, PartnersQuery, Refusal } from './approvals.schema.js'
import { ApprovalsService } from './approvals.service.js'

const Id = () => Param('id', { schema: PartnerId })

@ApiTags('Operators')
@Controller('v1/ops/partners')
export class ApprovalsController {
  constructor(private readonly approvals: ApprovalsService) {}

  @Get()
  @Requires('ops')
  @ApiOperation({ summary: 'List partners', description: 'The oldest first; `status=pending` is what waits for a decision.' })
  @ApiOkResponse({ standardSchema: PartnerCasePage })
  list(@Query({ schema: PartnersQuery }) query: PartnersQuery): Promise<Page<PartnerCase>> {
    return this.approvals.list(query)
  }

  @Get(':id')
  @Requires('ops')
  @ApiOperation({ summary: 'Read a partner as an operator' })
  @ApiOkResponse({ standardSchema: PartnerCase })
  @ApiNotFoundResponse({ standardSchema: Problem })
  read(@Id() id: PartnerIdType): Promise<PartnerCase> {
    return this.approvals.read(id)
  }

  @Post(':id/approve')
  @HttpCode(200)
  @Requires('ops')
  @ApiOperation({ summary: 'Approve a partner', description: 'One that is pending, rejected or suspended becomes active.' })
  @ApiOkResponse({ standardSchema: PartnerCase })
  @ApiNotFoundResponse({ standardSchema: Problem })
  @ApiConflictResponse({ description: 'It is active already', standardSchema: Problem })
  approve(@Id() id: PartnerIdType): Promise<PartnerCase> {
    return this.approvals.decide(id, 'approve')
  }

  @Post(':id/reject')
  @HttpCode(200)
  @Requires('ops')
  @ApiOperation({ summary: 'Reject a partner that is pending' })
  @ApiOkResponse({ standardSchema: PartnerCase })
  @ApiNotFoundResponse({ standardSchema: Problem })
  @ApiConflictResponse({ description: 'It is not pending', standardSchema: Problem })
  reject(@Id() id: PartnerIdType, @Body({ schema: Refusal }) { reason }: Refusal): Promise<PartnerCase> {
    return this.approvals.decide(id, 'reject', reason)
  }

  @Post(':id/suspend')
  @HttpCode(200)
  @Requires('ops')
  @ApiOperation({ summary: 'Suspend a partner that is active', description: 'Its keys and clients stop working within a second.' })
  @ApiOkResponse({ standardSchema: PartnerCase })
  @ApiNotFoundResponse({ standardSchema: Problem })
  @ApiConflictResponse({ description: 'It is not active', standardSchema: Problem })
  suspend(@Id() id: PartnerIdType, @Body({ schema: Refusal }) { reason }: Refusal): Promise<PartnerCase> {
    return this.approvals.decide(id, 'suspend', reason)
  }

  @Put(':id/plan')
  @Requires('ops')
  @ApiOperation({ summary: 'Put a partner on another plan' })
  @ApiOkResponse({ standardSchema: PartnerCase })
  @ApiNotFoundResponse({ standardSchema: Problem })
  @ApiUnprocessableEntityResponse({ description: 'There is no such plan', standardSchema: Problem })
  changePlan(@Id() id: PartnerIdType, @Body({ schema: ChangePlan }) { plan }: ChangePlan): Promise<PartnerCase> {
    return this.approvals.changePlan(id, plan)
  }
}
