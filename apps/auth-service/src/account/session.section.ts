import { Injectable } from '@nestjs/common'
import { html, time, type Html } from '../pages/html.js'
import type { SignedIn } from './browser-sessions.js'
import type { AccountSection } from './sections.js'

/** The session that is looked with. */
@Injectable()
export class SessionSection implements AccountSection {
  readonly title = 'This browser'

  body({ signedInAt }: SignedIn): Promise<Html> {
    return Promise.resolve(
      html`<p>Signed in since ${time(new Date(signedInAt * 1_000))}.</p>
        <p class="actions"><a href="/oidc/session/end">Sign out</a></p>`,
    )
  }
}
