import { html, type Html, type Page } from './html.js'

/** What was done, by the word that stands in the address after it. */
const DONE: Record<string, string> = {
  'passkey-added': 'The passkey was added. We have sent you a mail about it.',
  'passkey-renamed': 'The passkey has its new name.',
  'passkey-removed': 'The passkey was removed. We have sent you a mail about it.',
  'profile-changed': 'Your profile was changed.',
  'password-changed': 'Your password was changed, and all other sessions have ended. We have sent you a mail about it.',
  'email-asked': 'We have sent a mail to both addresses. The new one counts once you have opened the link in each of them.',
  'session-ended': 'That session has ended.',
  'sessions-ended': 'All other sessions have ended.',
  'copy-asked': 'We are gathering your data, and send you a mail when it is ready.',
  'codes-off': 'Codes at sign-in are off. We have sent you a mail about it.',
}

export interface OverviewPage {
  email: string
  done: string | undefined
  sections: readonly { title: string; body: Html }[]
}

const idOf = (title: string): string => title.toLowerCase().replace(/\W+/g, '-')

export const overviewPage = ({ email, done, sections }: OverviewPage): Page => {
  const message = done !== undefined && Object.hasOwn(DONE, done) ? DONE[done] : undefined
  return {
    status: 200,
    title: 'Your account',
    isWide: true,
    body: html`<h1>Your account</h1>
      <p class="lead">${email}</p>
      ${message !== undefined && html`<p class="done" role="status">${message}</p>`}
      ${sections.map(
        ({ title, body }) =>
          html`<section aria-labelledby="${idOf(title)}">
            <h2 id="${idOf(title)}">${title}</h2>
            <div class="content">${body}</div>
          </section>`,
      )}`,
  }
}

/** After somebody pressed Cancel on the way to their account. */
export const notSignedInPage = (): Page => ({
  status: 200,
  title: 'You are not signed in',
  body: html`<h1>You are not signed in</h1>
    <p>Nothing was changed. Your account page opens once you have signed in.</p>
    <p class="also"><a class="button" href="/account">Go to your account</a></p>`,
})

export const backToAccount = (): Html => html`<p class="also"><a href="/account">Back to your account</a></p>`
