import { Inject, Injectable } from '@nestjs/common'
import { AppError } from '@catamaran/platform'
import type { FastifyRequest } from 'fastify'
import { CONFIG, type Config } from '../config.js'
import { networkOf } from '../limits/caller.js'
import { LocalBuckets, paceOf, type Pace } from '../limits/gcra.js'

/** How many credentials of an address were refused lately: each one costs a signature check or more, and no limit of a caller counts it. */
@Injectable()
export class Refusals {
  private readonly buckets = new LocalBuckets()
  private readonly pace: Pace

  constructor(@Inject(CONFIG) { limits }: Config) {
    this.pace = paceOf(limits.refused)
  }

  count(request: FastifyRequest): void {
    this.buckets.admit(networkOf(request.ip), this.pace)
  }

  /** Asked before a credential is looked at that was not good before. @throws AppError request.rate-limited */
  requireFew(request: FastifyRequest): void {
    const leftUs = this.buckets.left(networkOf(request.ip), this.pace)
    if (leftUs >= 0) return
    throw new AppError('request.rate-limited', {
      detail: 'Too many credentials from this address were refused.',
      retryAfterS: Math.ceil(-leftUs / 1_000_000),
    })
  }
}
