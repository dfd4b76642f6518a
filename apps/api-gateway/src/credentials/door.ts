import { Injectable } from '@nestjs/common'
import { isApiKey } from '@catamaran/contracts'
import { AppError, TokenVerifier, type Claims, type Door } from '@catamaran/platform'
import type { FastifyRequest } from 'fastify'
import { ApiKeys } from './api-keys.js'
import { Refusals } from './refusals.js'
import { Revocations } from './revocations.js'

/** What the guard asks of the gateway: what API keys stand for, who was shut out meanwhile, and how many refusals an address may have. */
@Injectable()
export class GatewayDoor implements Door {
  constructor(
    private readonly apiKeys: ApiKeys,
    private readonly revocations: Revocations,
    private readonly refusals: Refusals,
    private readonly verifier: TokenVerifier,
  ) {}

  /** @throws AppError request.rate-limited for an address whose credentials were refused too often; those known to be good go on */
  tokenFor(bearer: string, request: FastifyRequest): string | Promise<string> {
    if (isApiKey(bearer)) return this.apiKeys.tokenFor(bearer, request)
    if (!this.verifier.remembers(bearer)) this.refusals.requireFew(request)
    return bearer
  }

  admit(caller: Claims): void {
    if (this.revocations.covers(caller)) throw new AppError('auth.token-revoked')
  }

  /** A revoked token is remembered as verified and so costs nothing: it is not counted, nor is a caller who must sign in afresh. */
  refused(error: unknown, request: FastifyRequest): void {
    if (!(error instanceof AppError) || error.spec.kind !== 'unauthenticated') return
    if (error.code !== 'auth.token-revoked' && error.code !== 'auth.step-up-needed') this.refusals.count(request)
  }
}
