import { Injectable } from '@nestjs/common'
import type { SignedIn } from '../account/browser-sessions.js'
import type { AccountSection } from '../account/sections.js'
import type { Html } from '../pages/html.js'
import { profileSection } from '../pages/profile.pages.js'
import { MeService } from './me.service.js'

@Injectable()
export class ProfileSection implements AccountSection {
  readonly title = 'Profile'

  constructor(private readonly me: MeService) {}

  async body({ user }: SignedIn): Promise<Html> {
    return profileSection(await this.me.profile(user.id))
  }
}
