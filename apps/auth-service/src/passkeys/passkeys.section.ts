import { Injectable } from '@nestjs/common'
import type { SignedIn } from '../account/browser-sessions.js'
import type { AccountSection } from '../account/sections.js'
import type { Html } from '../pages/html.js'
import { passkeysSection } from '../pages/passkeys.pages.js'
import { PasskeysService } from './passkeys.service.js'

@Injectable()
export class PasskeysSection implements AccountSection {
  readonly title = 'Passkeys'

  constructor(private readonly passkeys: PasskeysService) {}

  async body({ user }: SignedIn): Promise<Html> {
    return passkeysSection(await this.passkeys.list(user.id))
  }
}
