import { Injectable } from '@nestjs/common'

/** Wakes the payment worker of this process: something was committed that it has to do. Without it the worker finds out by polling. */
@Injectable()
export class PaymentSignal {
  private listener: (() => void) | undefined

  wake(): void {
    this.listener?.()
  }

  onWake(listener: () => void): void {
    this.listener = listener
  }
}
