import { Controller } from '@nestjs/common'
import { EventPattern, Payload } from '@nestjs/microservices'
import { DEAD_LETTERS } from '@catamaran/contracts'
import type { DeadLetter } from '@catamaran/messaging'
import { DeadLettersService } from './dead-letters.service.js'

@Controller()
export class DeadLettersConsumer {
  constructor(private readonly letters: DeadLettersService) {}

  @EventPattern(DEAD_LETTERS, { group: 'aux.dead-letters', batch: true })
  onLetters(@Payload() letters: DeadLetter[]): Promise<void> {
    return this.letters.keep(letters)
  }
}
