import { Body, Controller, Get, Post, Req, Res, UseFilters } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import { ACR, type UserId } from '@catamaran/contracts'
import { Anonymous, logFields } from '@catamaran/platform'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { PageFilter, sendOn, sendPage } from '../pages/send.js'
import { codePage, passkeyRefusedPage } from '../pages/sign-in.pages.js'
import { Interactions, type Ask, type Interaction } from './interactions.js'
import { SignInMetrics } from './sign-in-metrics.js'
import { SecondFactorService } from './second-factor.service.js'

const CodeForm = z.object({ code: z.string().max(64).catch('') }).catch({ code: '' })

const CODE_REFUSED = 'That code is not right, or it was used already. Wait for the next one and try again.'

interface FirstFactor {
  readonly userId: UserId
  readonly ts: number
  readonly amr: readonly string[]
}

/** What two factors look like in tokens (RFC 8176). */
const withCode = (before: readonly string[]): string[] => [...new Set([...before, 'otp', 'mfa'])]

/** The second page of a sign-in, and passkeys on either. */
@ApiExcludeController()
@UseFilters(PageFilter)
@Controller('account/sign-in/:uid')
export class SecondFactorController {
  constructor(
    private readonly interactions: Interactions,
    private readonly second: SecondFactorService,
    private readonly metrics: SignInMetrics,
  ) {}

  @Get('code')
  @Anonymous()
  async show(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const [interaction, ask] = await this.interactions.ofSignIn(request, reply)
    const first = await this.firstFactorOf(interaction, ask)
    if (first === undefined) return sendOn(reply, `/account/sign-in/${interaction.uid}`)
    return this.askForSecond(request, reply, interaction, first.userId)
  }

  @Post('code')
  @Anonymous()
  code(@Req() request: FastifyRequest, @Body() form: unknown, @Res() reply: FastifyReply): Promise<void> {
    return this.metrics.watch('code', () => this.takeCode(request, form, reply))
  }

  private async takeCode(request: FastifyRequest, form: unknown, reply: FastifyReply): Promise<void> {
    const [interaction, ask] = await this.interactions.ofSignIn(request, reply)
    const first = await this.firstFactorOf(interaction, ask)
    if (first === undefined) return sendOn(reply, `/account/sign-in/${interaction.uid}`)
    const { userId, ts, amr } = first
    if (!(await this.second.acceptsCode(userId, CodeForm.parse(form).code))) {
      logFields({ signIn: 'refused', factor: 'otp', person: userId })
      this.metrics.refused('code')
      return this.askForSecond(request, reply, interaction, userId, CODE_REFUSED)
    }
    return this.interactions.finish(request, reply, { login: { accountId: userId, ts, acr: ACR.multi, amr: withCode(amr) } })
  }

  @Post('passkey')
  @Anonymous()
  passkey(@Req() request: FastifyRequest, @Body() form: unknown, @Res() reply: FastifyReply): Promise<void> {
    return this.metrics.watch('passkey', () => this.takePasskey(request, form, reply))
  }

  private async takePasskey(request: FastifyRequest, form: unknown, reply: FastifyReply): Promise<void> {
    const [interaction, ask] = await this.interactions.ofSignIn(request, reply)
    const ts = this.interactions.nowS()
    const owner = ask.account?.id ?? (await this.second.halfWay(interaction.uid))?.userId
    const signedIn = await this.second.acceptsPasskey(interaction.uid, form, owner)
    if (signedIn === undefined) {
      logFields({ signIn: 'refused', factor: 'passkey' })
      this.metrics.refused('passkey')
      return sendPage(reply, passkeyRefusedPage(await this.interactions.frameOf(interaction)))
    }
    return this.interactions.finish(request, reply, { login: { accountId: signedIn.userId, ts, acr: ACR.multi, amr: signedIn.amr } })
  }

  /** Who has shown a first factor: with a password in this interaction, or with the session that only lacks the second. */
  private async firstFactorOf(interaction: Interaction, { account, lacksSecondOnly }: Ask): Promise<FirstFactor | undefined> {
    const typed = await this.second.halfWay(interaction.uid)
    if (typed !== undefined) return { ...typed, amr: ['pwd'] }
    if (!lacksSecondOnly || account === undefined) return undefined
    // The session keeps its age: a code alone is no new sign-in.
    const ts = await this.interactions.signedInAt(interaction)
    return ts === undefined ? undefined : { userId: account.id, ts, amr: interaction.session?.amr ?? [] }
  }

  /** Without any second factor there is nothing to ask for: the client hears that its wish can't be met (RFC 9470). */
  private async askForSecond(
    request: FastifyRequest,
    reply: FastifyReply,
    interaction: Interaction,
    userId: UserId,
    refusal?: string,
  ): Promise<void> {
    const { hasTotp, hasPasskeys } = await this.second.factorsOf(userId)
    if (!hasTotp && !hasPasskeys) {
      const error_description = 'the person has no second factor'
      return this.interactions.finish(request, reply, { error: 'unmet_authentication_requirements', error_description })
    }
    const passkeys = hasPasskeys ? await this.second.passkeyOptions(interaction.uid, userId) : undefined
    return sendPage(reply, codePage({ ...(await this.interactions.frameOf(interaction)), hasTotp, passkeys, refusal }))
  }
}
