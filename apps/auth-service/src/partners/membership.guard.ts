import { createParamDecorator, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common'
import { ApiHeader } from '@nestjs/swagger'
import { AppError, contextOf } from '@catamaran/platform'
import type { FastifyRequest } from 'fastify'
import { MembershipsService, type Member } from './memberships.service.js'

const members = new WeakMap<FastifyRequest, Member>()

/** The one place where the role that a route declares is enforced. */
@Injectable()
export class MembershipGuard implements CanActivate {
  constructor(private readonly memberships: MembershipsService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'http') return true
    const request = context.switchToHttp().getRequest<FastifyRequest>()
    const { access } = request.routeOptions.config
    if (access === undefined || access.scope === null || access.role === undefined) return true
    const { caller } = contextOf(request)
    if (caller === undefined) throw new AppError('auth.token-missing')
    const named = request.headers['catamaran-partner']
    members.set(request, await this.memberships.require(caller, typeof named === 'string' ? named : undefined, access.role))
    return true
  }
}

/** The caller's part in the partner that the request is about, on a route that declares a role. */
export const Membership = createParamDecorator((_: unknown, context: ExecutionContext): Member => {
  const member = members.get(context.switchToHttp().getRequest<FastifyRequest>())
  if (member === undefined) throw new Error('@Membership() on a route that declares no role')
  return member
})

/** Tells of the header in OpenAPI. */
export const ForPartner = () =>
  ApiHeader({
    name: 'Catamaran-Partner',
    required: false,
    description: 'The partner to act for: needed by a person who is a member of several. Keys and clients act for their own.',
  })
