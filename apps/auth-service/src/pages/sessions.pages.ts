import type { Session } from '../sessions/sessions.schema.js'
import { html, time, type Html } from './html.js'

const item = ({ id, device, startedAt, lastSeenAt, isCurrent }: Session): Html =>
  html`<li>
    <div>
      <strong>${device}</strong>${isCurrent && html` <strong class="badge">This one</strong>`}
      <p class="hint">Since ${time(new Date(startedAt))}. Last seen ${time(new Date(lastSeenAt))}.</p>
    </div>
    ${
      isCurrent
        ? html`<a href="/oidc/session/end">Sign out</a>`
        : html`<form method="post" action="/account/sessions/${id}/end">
            <button type="submit" class="small" aria-label="End the session in ${device}">End</button>
          </form>`
    }
  </li>`

/** Where somebody is signed in, on the account page. */
export const sessionsSection = (sessions: readonly Session[]): Html =>
  html`<ul class="items">
      ${sessions.map(item)}
    </ul>
    ${
      sessions.length > 1 &&
      html`<form method="post" action="/account/sessions/end-others">
        <button type="submit" class="outline">End all other sessions</button>
      </form>`
    }`
