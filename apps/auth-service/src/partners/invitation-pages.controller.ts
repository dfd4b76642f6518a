import { Body, Controller, Get, Post, Query, Req, Res, UseFilters } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import { Anonymous, AppError } from '@catamaran/platform'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { OidcProvider } from '../oidc/provider.js'
import { invitationInvalidPage, invitationPage, joinedPage } from '../pages/invitation.pages.js'
import { checkOrigin, PageFilter, sendPage } from '../pages/send.js'
import { UsersService, type User } from '../users/users.service.js'
import { InvitationsService } from './invitations.service.js'

const Token = z.object({ token: z.string().max(128).catch('') }).catch({ token: '' })

/** The page that the link of an invitation opens, for the person whose sign-in this browser holds. */
@ApiExcludeController()
@UseFilters(PageFilter)
@Controller('account/invitation')
export class InvitationPagesController {
  constructor(
    private readonly invitations: InvitationsService,
    private readonly users: UsersService,
    private readonly oidc: OidcProvider,
  ) {}

  @Get()
  @Anonymous()
  async show(@Req() request: FastifyRequest, @Query() query: unknown, @Res() reply: FastifyReply): Promise<void> {
    const { token } = Token.parse(query)
    const [offer, user] = await Promise.all([this.invitations.find(token), this.personOf(request, reply)])
    if (offer === undefined) return sendPage(reply, invitationInvalidPage())
    const { partner, role, email } = offer
    return sendPage(reply, invitationPage({ token, partner, role, email: user?.email, isMeant: user?.email === email }))
  }

  @Post()
  @Anonymous()
  async accept(@Req() request: FastifyRequest, @Body() form: unknown, @Res() reply: FastifyReply): Promise<void> {
    checkOrigin(request, this.oidc.publicOrigin)
    const user = await this.personOf(request, reply)
    if (user === undefined) throw new AppError('auth.token-missing', { detail: 'Sign in, then open the link in the mail once more.' })
    const partner = await this.invitations.accept(user.id, Token.parse(form).token)
    return sendPage(reply, joinedPage(partner.name))
  }

  private async personOf(request: FastifyRequest, reply: FastifyReply): Promise<User | undefined> {
    const { current } = this.oidc
    const session = await current.Session.get(current.createContext(request.raw, reply.raw))
    return session.accountId === undefined ? undefined : this.users.findUser(session.accountId)
  }
}
