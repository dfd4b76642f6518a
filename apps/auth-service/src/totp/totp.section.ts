import { Injectable } from '@nestjs/common'
import type { SignedIn } from '../account/browser-sessions.js'
import type { AccountSection } from '../account/sections.js'
import type { Html } from '../pages/html.js'
import { totpSection } from '../pages/totp.pages.js'
import { TotpService } from './totp.service.js'

@Injectable()
export class TotpSection implements AccountSection {
  readonly title = 'Codes at sign-in'

  constructor(private readonly totp: TotpService) {}

  async body({ user }: SignedIn): Promise<Html> {
    return totpSection(await this.totp.state(user.id))
  }
}
