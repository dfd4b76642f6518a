import { Controller, Delete, Get, HttpCode, Param } from '@nestjs/common'
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger'
import { Problem, type UserId } from '@catamaran/contracts'
import { Caller, Requires, type Claims } from '@catamaran/platform'
import { SessionId, SessionList } from './sessions.schema.js'
import { SessionsService } from './sessions.service.js'

@ApiTags('Account')
@Controller('v1/me/sessions')
export class SessionsController {
  constructor(private readonly sessions: SessionsService) {}

  @Get()
  @Requires('account:read')
  @ApiOperation({ summary: 'List my sessions' })
  @ApiOkResponse({ description: 'Where I am signed in', standardSchema: SessionList })
  async list(@Caller() caller: Claims): Promise<SessionList> {
    return { items: await this.sessions.list(caller.sub as UserId, caller.sid) }
  }

  @Delete(':sid')
  @HttpCode(204)
  @Requires('account:write')
  @ApiOperation({ summary: 'End one of my sessions', description: 'Its refresh tokens end at once, its access tokens within a second.' })
  @ApiNoContentResponse({ description: 'It has ended' })
  @ApiResponse({ status: 404, description: 'I have no such session', standardSchema: Problem })
  async end(@Caller() caller: Claims, @Param('sid', { schema: SessionId }) sid: string): Promise<void> {
    await this.sessions.end(caller.sub as UserId, sid)
  }

  @Delete()
  @HttpCode(204)
  @Requires('account:write')
  @ApiOperation({ summary: 'End all my other sessions', description: 'All but the one this request is made under.' })
  @ApiNoContentResponse({ description: 'They have ended' })
  async endOthers(@Caller() caller: Claims): Promise<void> {
    await this.sessions.endAll(caller.sub as UserId, caller.sid, () => Promise.resolve())
  }
}
