import { Body, Controller, Get, Param, Post, Req, Res, UseFilters } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import { Anonymous, AppError } from '@catamaran/platform'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { BrowserSessions, type SignedIn } from '../account/browser-sessions.js'
import { OidcProvider } from '../oidc/provider.js'
import { addPasskeyPage, passkeyFailedPage, passkeyPage } from '../pages/passkeys.pages.js'
import { checkOrigin, orRefusal, PageFilter, sendOn, sendPage } from '../pages/send.js'
import { parsedJson } from './json.js'
import { AddPasskey, PasskeyId, RenamePasskey } from './passkeys.schema.js'
import { PasskeysService, type PasskeyId as Id } from './passkeys.service.js'

const NEW = '/account/passkeys/new'

const AddForm = z.object({ name: z.string(), credential: z.string().max(65_536).transform(parsedJson) }).pipe(AddPasskey)
const Name = z.object({ name: z.string().max(1_000).catch('') }).catch({ name: '' })

/** The pages about passkeys. Adding one is what needs JavaScript. */
@ApiExcludeController()
@UseFilters(PageFilter)
@Controller('account/passkeys')
export class PasskeyPagesController {
  constructor(
    private readonly browsers: BrowserSessions,
    private readonly passkeys: PasskeysService,
    private readonly oidc: OidcProvider,
  ) {}

  @Get('new')
  @Anonymous()
  async showNew(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { user } = await this.browsers.requireFresh(request, reply, NEW)
    return sendPage(reply, addPasskeyPage(await this.passkeys.registrationOptions(user.id)))
  }

  @Post()
  @Anonymous()
  async add(@Req() request: FastifyRequest, @Body() form: unknown, @Res() reply: FastifyReply): Promise<void> {
    checkOrigin(request, this.oidc.publicOrigin)
    const { user } = await this.browsers.requireFresh(request, reply, NEW)
    const typed = AddForm.safeParse(form)
    if (!typed.success) return sendPage(reply, passkeyFailedPage('Give the passkey a name of at most 100 characters and start again.'))
    const added = await orRefusal(this.passkeys.add(user.id, typed.data), 'identity.passkey-invalid', 'identity.passkey-limit')
    if (added instanceof AppError) return sendPage(reply, passkeyFailedPage(added.spec.advice))
    return sendOn(reply, '/account?done=passkey-added')
  }

  @Get(':id')
  @Anonymous()
  async show(@Req() request: FastifyRequest, @Param('id', { schema: PasskeyId }) id: Id, @Res() reply: FastifyReply): Promise<void> {
    const { user } = await this.browsers.require(request, reply, `/account/passkeys/${id}`)
    return sendPage(reply, passkeyPage(await this.passkeys.require(user.id, id)))
  }

  @Post(':id/rename')
  @Anonymous()
  async rename(
    @Req() request: FastifyRequest,
    @Param('id', { schema: PasskeyId }) id: Id,
    @Body() form: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { user } = await this.forForm(request, reply, id, false)
    const typed = RenamePasskey.safeParse(Name.parse(form))
    if (!typed.success) {
      const passkey = await this.passkeys.require(user.id, id)
      return sendPage(reply, passkeyPage(passkey, typed.error.issues[0]?.message))
    }
    await this.passkeys.rename(user.id, id, typed.data.name)
    return sendOn(reply, '/account?done=passkey-renamed')
  }

  @Post(':id/remove')
  @Anonymous()
  async remove(@Req() request: FastifyRequest, @Param('id', { schema: PasskeyId }) id: Id, @Res() reply: FastifyReply): Promise<void> {
    const { user } = await this.forForm(request, reply, id, true)
    await this.passkeys.remove(user.id, id)
    return sendOn(reply, '/account?done=passkey-removed')
  }

  /** Who sent a form about a passkey. */
  private forForm(request: FastifyRequest, reply: FastifyReply, id: Id, isCredential: boolean): Promise<SignedIn> {
    checkOrigin(request, this.oidc.publicOrigin)
    const back = `/account/passkeys/${id}`
    return isCredential ? this.browsers.requireFresh(request, reply, back) : this.browsers.require(request, reply, back)
  }
}
