import { Injectable } from '@nestjs/common'
import { AppError, counter, type LabelsOf } from '@catamaran/platform'

type Method = LabelsOf<'signins'>['method']

/** What auth-service tells of people who sign in: refused is what they showed, failed is us. */
@Injectable()
export class SignInMetrics {
  private readonly signIns = counter('signins')

  /** Does one step of a sign-in, and tells if it failed or was refused with an error. */
  watch(method: Method, step: () => Promise<void>): Promise<void> {
    return step().catch((error: unknown) => {
      const isOurs = !(error instanceof AppError) || error.spec.status >= 500
      this.signIns.add(1, { method, outcome: isOurs ? 'failed' : 'refused' })
      throw error
    })
  }

  /** What was shown did not do. */
  refused(method: Method): void {
    this.signIns.add(1, { method, outcome: 'refused' })
  }

  /** @param amr how they signed in (RFC 8176) */
  succeeded(amr: readonly string[]): void {
    const method = amr.includes('otp') ? 'code' : amr.includes('swk') || amr.includes('hwk') ? 'passkey' : 'password'
    this.signIns.add(1, { method, outcome: 'succeeded' })
  }
}
