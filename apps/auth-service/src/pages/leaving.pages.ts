import type { Export } from '../exports/exports.schema.js'
import { backToAccount } from './overview.pages.js'
import { alert, html, time, type Html, type Page } from './html.js'

const copyOf = (copy: Export | undefined): Html => {
  if (copy?.status === 'pending') return html`<p>Your copy is being gathered. We send you a mail when it is ready.</p>`
  return html`${
      copy !== undefined &&
      html`<p>Your copy of ${time(new Date(copy.requestedAt))} is ready until ${time(new Date(copy.expiresAt))}.</p>
        <p class="actions"><a href="/account/copy/${copy.id}">Download it</a></p>`
    }
    <form method="post" action="/account/copy"><button type="submit" class="outline">Ask for a copy of my data</button></form>`
}

/** A person's data, to take along or to have erased, on the account page. */
export const leavingSection = (copy: Export | undefined): Html =>
  html`${copyOf(copy)}
    <p class="actions"><a href="/account/close">Close my account</a></p>`

export const closePage = (email: string, refusal?: string): Page => ({
  status: refusal === undefined ? 200 : 409,
  title: 'Close your account',
  body: html`<h1>Close your account?</h1>
    ${alert(refusal)}
    <p>
      The account of <strong>${email}</strong> closes at once and for good, and what we hold about you is erased. Orders that are under way
      are still carried out; your name and address go from each as soon as it has ended.
    </p>
    <form method="post" action="/account/close"><button type="submit">Close my account for good</button></form>
    ${backToAccount()}`,
})

export const closedPage = (): Page => ({
  status: 200,
  title: 'Your account is closed',
  body: html`<h1>Your account is closed</h1>
    <p>We have sent you a last mail about it. Thank you for having been with us.</p>`,
})
