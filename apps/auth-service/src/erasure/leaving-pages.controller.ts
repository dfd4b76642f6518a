import { Controller, Get, Param, Post, Req, Res, UseFilters } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import { Anonymous, AppError } from '@catamaran/platform'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { BrowserSessions } from '../account/browser-sessions.js'
import { ExportId, type ExportId as ExportIdType } from '../exports/exports.schema.js'
import { ExportsService } from '../exports/exports.service.js'
import { sendExport } from '../exports/send-export.js'
import { OidcProvider } from '../oidc/provider.js'
import { closedPage, closePage } from '../pages/leaving.pages.js'
import { checkOrigin, orRefusal, PageFilter, sendOn, sendPage } from '../pages/send.js'
import { ErasureService } from './erasure.service.js'

const [ACCOUNT, CLOSE] = ['/account', '/account/close']
const SOLE_OWNER = 'A partner with other members would be left without an owner. Make somebody else an owner first.'

/** The pages by which people take their data along, or have it erased. Each asks for a fresh sign-in. */
@ApiExcludeController()
@UseFilters(PageFilter)
@Controller('account')
export class LeavingPagesController {
  constructor(
    private readonly browsers: BrowserSessions,
    private readonly exports: ExportsService,
    private readonly erasures: ErasureService,
    private readonly oidc: OidcProvider,
  ) {}

  @Post('copy')
  @Anonymous()
  async askForCopy(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    checkOrigin(request, this.oidc.publicOrigin)
    const { user } = await this.browsers.requireFresh(request, reply, ACCOUNT)
    await this.exports.request(user.id)
    return sendOn(reply, '/account?done=copy-asked')
  }

  @Get('copy/:id')
  @Anonymous()
  async download(
    @Req() request: FastifyRequest,
    @Param('id', { schema: ExportId }) id: ExportIdType,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { user } = await this.browsers.requireFresh(request, reply, `/account/copy/${id}`)
    return sendExport(reply, await this.exports.readContent(user.id, id))
  }

  @Get('close')
  @Anonymous()
  async ask(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { user } = await this.browsers.requireFresh(request, reply, CLOSE)
    return sendPage(reply, closePage(user.email))
  }

  @Post('close')
  @Anonymous()
  async close(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    checkOrigin(request, this.oidc.publicOrigin)
    const { user } = await this.browsers.requireFresh(request, reply, CLOSE)
    const done = await orRefusal(this.erasures.close(user.id), 'identity.sole-owner')
    return sendPage(reply, done instanceof AppError ? closePage(user.email, SOLE_OWNER) : closedPage())
  }
}
