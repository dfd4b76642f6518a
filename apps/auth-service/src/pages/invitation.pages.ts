import { html, type Html, type Page } from './html.js'

/** Where a person signs in to their own account. */
const ACCOUNT = '/account'

export interface InvitationPage {
  readonly token: string
  readonly partner: string
  readonly role: string
  /** The address of who is signed in; undefined for nobody. */
  readonly email: string | undefined
  /** Whether it is the address that was invited. */
  readonly isMeant: boolean
}

const acceptForm = (token: string): Html =>
  html`<form method="post" action="/account/invitation">
    <input type="hidden" name="token" value="${token}" />
    <button type="submit">Join</button>
  </form>`

const howTo = (email: string | undefined): Html =>
  email === undefined
    ? html`<p>
        To accept, <a href="${ACCOUNT}">sign in</a> with the address that this invitation was sent to, or
        <a href="/account/sign-up">create an account</a> with it. Then open the link in the mail once more.
      </p>`
    : html`<p>
        You are signed in as <strong>${email}</strong>, but the invitation was sent to another address. Sign in with that one, then open the
        link in the mail once more.
      </p>`

/** Says what a link offers; accepting takes a button, since programs that read mail open links too. */
export const invitationPage = ({ token, partner, role, email, isMeant }: InvitationPage): Page => ({
  status: 200,
  title: 'Invitation',
  body: html`<h1>Join ${partner}?</h1>
    <p>You are invited as ${role}.</p>
    ${isMeant ? acceptForm(token) : howTo(email)}`,
})

export const joinedPage = (partner: string): Page => ({
  status: 200,
  title: 'You have joined',
  body: html`<h1>Welcome to ${partner}</h1>
    <p>You are a member now. You can close this page.</p>`,
})

export const invitationInvalidPage = (): Page => ({
  status: 400,
  title: 'This invitation does not work',
  body: html`<h1>This invitation does not work</h1>
    <p>It was used or withdrawn, or it is older than seven days. Ask whoever invited you for a new one.</p>`,
})
