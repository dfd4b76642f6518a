import { Controller, Get } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { Anonymous } from '@catamaran/platform'
import { PlanList } from './approvals.schema.js'
import { PlansService } from './plans.service.js'

@ApiTags('Partners')
@Controller('v1/plans')
export class PlansController {
  constructor(private readonly plans: PlansService) {}

  @Get()
  @Anonymous()
  @ApiOperation({ summary: 'List the plans', description: 'What a partner may use, and how much. The smallest first.' })
  @ApiOkResponse({ standardSchema: PlanList })
  async list(): Promise<PlanList> {
    return { items: await this.plans.list() }
  }
}
