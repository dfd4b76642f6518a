import { Injectable } from '@nestjs/common'
import type { SignedIn } from '../account/browser-sessions.js'
import type { AccountSection } from '../account/sections.js'
import type { Html } from '../pages/html.js'
import { sessionsSection } from '../pages/sessions.pages.js'
import { SessionsService } from './sessions.service.js'

@Injectable()
export class SessionsSection implements AccountSection {
  readonly title = 'Where you are signed in'

  constructor(private readonly sessions: SessionsService) {}

  async body({ user, sid }: SignedIn): Promise<Html> {
    return sessionsSection(await this.sessions.list(user.id, sid))
  }
}
