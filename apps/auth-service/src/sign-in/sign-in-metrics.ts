import { Injectable } from '@nestjs/common'
import { AppError, counter, type LabelsOf } from '@catamaran/platform'

type Method = LabelsOf<'signins'>['method']

/** What auth-service tells of people who sign in: refused is what they showed, failed is us. */
@Injectable()
export class SignInMetrics {
  private readonly signIns = counter('signins')

  /** Looks at what somebody showed, and tells if that did not do. What did is told when the sign-in is done: there may be more to show. */
  judge<T>(method: Method, look: () => Promise<T>): Promise<T> {
    return look().then(
      (found) => {
        if (found === undefined || found === false) this.signIns.add(1, { method, outcome: 'refused' })
        return found
      },
      (error: unknown) => {
        const isTheirs = error instanceof AppError && error.spec.status < 500
        this.signIns.add(1, { method, outcome: isTheirs ? 'refused' : 'failed' })
        throw error
      },
    )
  }

  /** @param amr how they signed in (RFC 8176) */
  succeeded(amr: readonly string[]): void {
    const method = amr.includes('otp') ? 'code' : amr.includes('swk') || amr.includes('hwk') ? 'passkey' : 'password'
    this.signIns.add(1, { method, outcome: 'succeeded' })
  }
}
