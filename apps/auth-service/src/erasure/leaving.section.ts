import { Injectable } from '@nestjs/common'
import type { SignedIn } from '../account/browser-sessions.js'
import type { AccountSection } from '../account/sections.js'
import { ExportsService } from '../exports/exports.service.js'
import type { Html } from '../pages/html.js'
import { leavingSection } from '../pages/leaving.pages.js'

@Injectable()
export class LeavingSection implements AccountSection {
  readonly title = 'Your data'

  constructor(private readonly exports: ExportsService) {}

  async body({ user }: SignedIn): Promise<Html> {
    return leavingSection(await this.exports.findNewest(user.id))
  }
}
