import { createHash, randomBytes } from 'node:crypto'
import { Inject, Injectable } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { CLOCK, type Clock } from '../config.js'
import { ACCOUNT_CLIENT, SIGNED_IN_PATH } from '../oidc/account-client.js'
import { OidcProvider } from '../oidc/provider.js'
import { SignInNeeded } from '../pages/send.js'
import { FRESH_S } from '../sign-in/fresh.js'
import { UsersService, type User } from '../users/users.service.js'

/** Below FRESH_S, so that who comes back from signing in has a minute at least to press a button. */
const ASKED_FRESH_S = FRESH_S - 60

/** The pages of an account that a sign-in may lead back to: our own paths, no queries, nothing that signs in itself. */
const RETURN = /^\/account(?!\/(?:signed-in|sign-in)(?:\/|$))(?:\/[\w-]{1,64}){0,4}$/

/** Somebody who looks at their account in a browser. */
export interface SignedIn {
  readonly user: User
  /** The session's name: the `sid` of tokens. */
  readonly sid: string
  /** Epoch seconds. */
  readonly signedInAt: number
}

/** Browsers that hold the session cookie of the OpenID provider: the account pages need no tokens. */
@Injectable()
export class BrowserSessions {
  constructor(
    private readonly oidc: OidcProvider,
    private readonly users: UsersService,
    @Inject(CLOCK) private readonly now: Clock,
  ) {}

  /** Who is signed in in this browser. @throws SignInNeeded, which leads back to `back` */
  async require(request: FastifyRequest, reply: FastifyReply, back: string): Promise<SignedIn> {
    const signedIn = await this.find(request, reply)
    if (signedIn === undefined) throw new SignInNeeded(this.signInAddress(back))
    return signedIn
  }

  /** The same for who is about to change how the account is signed in to. @throws SignInNeeded also when the sign-in is too old */
  async requireFresh(request: FastifyRequest, reply: FastifyReply, back: string): Promise<SignedIn> {
    const signedIn = await this.find(request, reply)
    const isFresh = signedIn !== undefined && this.now() / 1_000 - signedIn.signedInAt <= FRESH_S
    if (!isFresh) throw new SignInNeeded(this.signInAddress(back, ASKED_FRESH_S))
    return signedIn
  }

  /** Where a finished sign-in leads, by the `state` that went along; the overview for what is no page of ours. */
  returnOf(state: unknown): string {
    return typeof state === 'string' && RETURN.test(state) ? state : '/account'
  }

  private async find(request: FastifyRequest, reply: FastifyReply): Promise<SignedIn | undefined> {
    const { accountId, uid, loginTs } = await this.oidc.current.Session.get(this.oidc.current.createContext(request.raw, reply.raw))
    const user = accountId === undefined ? undefined : await this.users.findUser(accountId)
    return user === undefined || loginTs === undefined ? undefined : { user, sid: uid, signedInAt: loginTs }
  }

  /** An authorisation request of the account's own client. Its code is never redeemed, so nobody keeps the PKCE verifier. */
  private signInAddress(back: string, maxAgeS?: number): string {
    const query = new URLSearchParams({
      ...{ client_id: ACCOUNT_CLIENT, response_type: 'code', scope: 'openid', state: this.returnOf(back) },
      redirect_uri: this.oidc.publicOrigin + SIGNED_IN_PATH,
      code_challenge: createHash('sha256').update(randomBytes(32)).digest('base64url'),
      code_challenge_method: 'S256',
      ...(maxAgeS !== undefined && { max_age: String(maxAgeS) }),
    })
    return `/oidc/auth?${query.toString()}`
  }
}
