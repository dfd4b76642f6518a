import { Controller, Get, Inject, Query, Req, Res, UseFilters } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import { Anonymous } from '@catamaran/platform'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { notSignedInPage, overviewPage } from '../pages/overview.pages.js'
import { PageFilter, sendOn, sendPage } from '../pages/send.js'
import { BrowserSessions } from './browser-sessions.js'
import { ACCOUNT_SECTIONS, type AccountSection } from './sections.js'

const Done = z.object({ done: z.string().optional().catch(undefined) })
const Callback = z.object({ state: z.string().optional().catch(undefined), error: z.string().optional().catch(undefined) })

/** A person's own page about their account. */
@ApiExcludeController()
@UseFilters(PageFilter)
@Controller('account')
export class AccountPageController {
  constructor(
    private readonly browsers: BrowserSessions,
    @Inject(ACCOUNT_SECTIONS) private readonly sections: readonly AccountSection[],
  ) {}

  @Get()
  @Anonymous()
  async overview(@Req() request: FastifyRequest, @Query() query: unknown, @Res() reply: FastifyReply): Promise<void> {
    const person = await this.browsers.require(request, reply, '/account')
    const sections = await Promise.all(this.sections.map(async (section) => ({ title: section.title, body: await section.body(person) })))
    return sendPage(reply, overviewPage({ email: person.user.email, done: Done.parse(query).done, sections }))
  }

  /** Where the account's own sign-in ends. The code is left alone: what counts is the session. */
  @Get('signed-in')
  @Anonymous()
  signedIn(@Query() query: unknown, @Res() reply: FastifyReply): Promise<void> {
    const { state, error } = Callback.parse(query)
    return error === undefined ? sendOn(reply, this.browsers.returnOf(state)) : sendPage(reply, notSignedInPage())
  }
}
