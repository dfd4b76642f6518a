import { Body, Controller, Get, HttpCode, Post, Query, Req, Res, UseFilters } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import { Anonymous } from '@catamaran/platform'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { OidcProvider } from '../oidc/provider.js'
import { checkOrigin, PageFilter, sendPage } from '../pages/send.js'
import { exportGonePage, exportPage } from './export.pages.js'
import { ExportsService } from './exports.service.js'
import { sendExport } from './send-export.js'

const Token = z.object({ token: z.string().max(128).catch('') }).catch({ token: '' })

/** What the link in the mail opens. */
@ApiExcludeController()
@UseFilters(PageFilter)
@Controller('account/export')
export class ExportPagesController {
  constructor(
    private readonly exports: ExportsService,
    private readonly oidc: OidcProvider,
  ) {}

  /** Shows a button and changes nothing: programs that read mail open links too. */
  @Get()
  @Anonymous()
  show(@Query() query: unknown, @Res() reply: FastifyReply): Promise<void> {
    return sendPage(reply, exportPage(Token.parse(query).token))
  }

  @Post()
  @HttpCode(200)
  @Anonymous()
  async download(@Req() request: FastifyRequest, @Body() form: unknown, @Res() reply: FastifyReply): Promise<void> {
    checkOrigin(request, this.oidc.publicOrigin)
    const content = await this.exports.takeByLink(Token.parse(form).token)
    return content === undefined ? sendPage(reply, exportGonePage()) : sendExport(reply, content)
  }
}
