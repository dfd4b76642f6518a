import { Controller, Get, HttpCode, Post, Req } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import { Anonymous, AppError, bearerOf, TokenVerifier } from '@catamaran/platform'
import type { FastifyRequest } from 'fastify'
import { RevocationsService } from '../revocations/revocations.service.js'
import { UsersService } from '../users/users.service.js'

interface UserInfo {
  sub: string
  email?: string
  email_verified?: true
}

/** OpenID Connect's userinfo endpoint, for the one kind of access token there is. Described by discovery. */
@ApiExcludeController()
@Controller('oidc/me')
export class UserInfoController {
  constructor(
    private readonly verifier: TokenVerifier,
    private readonly users: UsersService,
    private readonly revocations: RevocationsService,
  ) {}

  @Get()
  @Anonymous()
  async get(@Req() request: FastifyRequest): Promise<UserInfo> {
    const token = bearerOf(request.headers.authorization)
    if (token === undefined) throw new AppError('auth.token-missing')
    const claims = await this.verifier.verify(token)
    const { sub, scopes } = claims
    if (!scopes.has('openid')) throw new AppError('auth.scope-missing', { detail: 'The access token lacks the scope openid.' })
    // The gateway leaves what is under /oidc to us.
    await this.revocations.requireGood(claims)
    const user = await this.users.findUser(sub)
    if (user === undefined) throw new AppError('auth.token-invalid')
    return { sub, ...(scopes.has('email') ? { email: user.email, email_verified: true } : {}) }
  }

  @Post()
  @HttpCode(200)
  @Anonymous()
  post(@Req() request: FastifyRequest): Promise<UserInfo> {
    return this.get(request)
  }
}
