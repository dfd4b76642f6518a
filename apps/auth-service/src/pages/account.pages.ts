import { PASSWORD_LENGTH } from '../users/users.schema.js'
import { alert, field, html, type FormState, type Page } from './html.js'

/** Where a person was when they turned to another page, so that they find back: an interaction of a sign-in. */
export type Return = string | undefined

export const query = (back: Return): string => (back === undefined ? '' : `?return=${encodeURIComponent(back)}`)
export const backToSignIn = (back: Return) =>
  back !== undefined && html`<p class="also"><a href="/account/sign-in/${back}">Back to sign in</a></p>`

export const signUpPage = (back: Return, { email, errors = {} }: FormState = {}, status = 200): Page => ({
  status,
  title: 'Create an account',
  body: html`<h1>Create an account</h1>
    ${alert(errors['form'])}
    <form method="post" action="/account/sign-up${query(back)}">
      ${field({ name: 'email', label: 'Email', type: 'email', autocomplete: 'username', value: email, error: errors['email'] })}
      ${field({
        name: 'password',
        label: 'Password',
        type: 'password',
        autocomplete: 'new-password',
        hint: `At least ${PASSWORD_LENGTH.least} characters. A few words in a row are easy to keep in mind.`,
        error: errors['password'],
      })}
      <button type="submit">Create account</button>
    </form>
    ${backToSignIn(back)}`,
})

export const checkMailPage = (back: Return): Page => ({
  status: 200,
  title: 'Check your mail',
  body: html`<h1>Check your mail</h1>
    <p>We have sent a mail to the address you gave. Open the link in it to confirm the address; then you can sign in.</p>
    <p class="also">Nothing there? Look in the folder for unwanted mail, or <a href="/account/sign-up${query(back)}">try again</a>.</p>
    ${backToSignIn(back)}`,
})

export const verifyEmailPage = (token: string): Page => ({
  status: 200,
  title: 'Confirm your email address',
  body: html`<h1>Confirm your email address</h1>
    <p>Press the button to finish your registration.</p>
    <form method="post" action="/account/verify-email">
      <input type="hidden" name="token" value="${token}" />
      <button type="submit">Confirm</button>
    </form>`,
})

export const verifiedPage = (): Page => ({
  status: 200,
  title: 'Email address confirmed',
  body: html`<h1>Your account is ready</h1>
    <p>The email address is confirmed. Go back to where you came from and sign in.</p>`,
})

export const linkInvalidPage = (): Page => ({
  status: 400,
  title: 'This link does not work any more',
  body: html`<h1>This link does not work any more</h1>
    <p>
      It was used, or it is older than a day. If you have confirmed your address before, just sign in. Otherwise
      <a href="/account/sign-up">ask for a new mail</a>.
    </p>`,
})

export interface ErrorPage {
  status: number
  title: string
  detail: string
  requestId?: string | undefined
}

export const errorPage = ({ status, title, detail, requestId }: ErrorPage): Page => ({
  status,
  title,
  body: html`<h1>${title}</h1>
    <p>${detail}</p>
    ${requestId !== undefined && html`<p class="also">Request <code>${requestId}</code></p>`}`,
})
