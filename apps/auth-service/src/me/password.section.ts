import { Injectable } from '@nestjs/common'
import type { AccountSection } from '../account/sections.js'
import type { Html } from '../pages/html.js'
import { passwordSection } from '../pages/profile.pages.js'

@Injectable()
export class PasswordSection implements AccountSection {
  readonly title = 'Password'

  body(): Promise<Html> {
    return Promise.resolve(passwordSection())
  }
}
