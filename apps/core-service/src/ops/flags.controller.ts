import { Controller, Get, Query } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { idSchema } from '@catamaran/contracts'
import { FLAGS, Flags } from '@catamaran/flags'
import { Requires } from '@catamaran/platform'
import { z } from 'zod'

const FlagsQuery = z
  .strictObject({
    caller: z
      .union([idSchema('user'), idSchema('partner')])
      .optional()
      .meta({ description: 'A user or partner; without one the values that everybody has' }),
    plan: z.string().min(1).max(64).optional().meta({ description: 'The plan that the caller is taken to have' }),
  })
  .refine(({ caller, plan }) => plan === undefined || caller !== undefined, { path: ['plan'], error: 'A plan needs a caller.' })

const FlagList = z
  .strictObject({
    items: z.array(
      z.strictObject({
        name: z.string(),
        kind: z.enum(['kill-switch', 'operational', 'release', 'beta', 'experiment']),
        description: z.string(),
        owner: z.string(),
        reviewBy: z.iso.date(),
        default: z.union([z.boolean(), z.number(), z.string()]),
        value: z.union([z.boolean(), z.number(), z.string()]),
        decidedBy: z.enum(['provider', 'default']).meta({
          description: '`default` while the provider was never reached, has no such flag or gives it a value that it may not take',
        }),
      }),
    ),
  })
  .meta({ id: 'FlagList' })

@ApiTags('Operators')
@Controller('v1/ops/flags')
export class FlagsController {
  constructor(private readonly flags: Flags) {}

  @Get()
  @Requires('ops')
  @ApiOperation({ summary: 'List flags', description: 'All that are declared, with the value that everybody has now, or one caller.' })
  @ApiOkResponse({ standardSchema: FlagList })
  async list(@Query({ schema: FlagsQuery }) { caller, plan }: z.infer<typeof FlagsQuery>): Promise<z.infer<typeof FlagList>> {
    const states = await this.flags.stateFor(caller === undefined ? undefined : { id: caller, plan })
    return {
      items: states.map(({ key, ...state }) => {
        const { kind, description, owner, reviewBy, default: fallback } = FLAGS[key]
        return { name: key, ...state, kind, description, owner, reviewBy, default: fallback }
      }),
    }
  }
}
