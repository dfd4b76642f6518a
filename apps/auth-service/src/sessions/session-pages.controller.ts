import { Controller, Param, Post, Req, Res, UseFilters } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import { Anonymous } from '@catamaran/platform'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { BrowserSessions } from '../account/browser-sessions.js'
import { OidcProvider } from '../oidc/provider.js'
import { checkOrigin, PageFilter, sendOn } from '../pages/send.js'
import { SessionId } from './sessions.schema.js'
import { SessionsService } from './sessions.service.js'

/** The forms that end sessions on the account page. */
@ApiExcludeController()
@UseFilters(PageFilter)
@Controller('account/sessions')
export class SessionPagesController {
  constructor(
    private readonly browsers: BrowserSessions,
    private readonly sessions: SessionsService,
    private readonly oidc: OidcProvider,
  ) {}

  @Post('end-others')
  @Anonymous()
  async endOthers(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    checkOrigin(request, this.oidc.publicOrigin)
    const { user, sid } = await this.browsers.require(request, reply, '/account')
    await this.sessions.endAll(user.id, sid, () => Promise.resolve())
    return sendOn(reply, '/account?done=sessions-ended')
  }

  @Post(':sid/end')
  @Anonymous()
  async end(@Req() request: FastifyRequest, @Param('sid', { schema: SessionId }) sid: string, @Res() reply: FastifyReply): Promise<void> {
    checkOrigin(request, this.oidc.publicOrigin)
    const { user } = await this.browsers.require(request, reply, '/account')
    await this.sessions.end(user.id, sid)
    return sendOn(reply, '/account?done=session-ended')
  }
}
