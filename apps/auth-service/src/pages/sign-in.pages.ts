import { query } from './account.pages.js'
import { alert, field, html, type FormState, type Html, type Page } from './html.js'
import { passkeyForm, passkeysMissing } from './passkey-form.js'

interface Frame {
  uid: string
  clientName: string
  formTargets: readonly string[]
}

const cancelForm = (uid: string): Html =>
  html`<form method="post" action="/account/sign-in/${uid}/cancel"><button type="submit" class="quiet">Cancel</button></form>`

export interface SignInPage extends Frame, FormState {
  /** Who is signed in and has to show it again. */
  known?: string | undefined
  /** What the browser is asked for passkeys with. */
  passkeys: object
  status?: number
}

export const signInPage = ({ uid, clientName, formTargets, known, passkeys, status = 200, email, errors = {} }: SignInPage): Page => ({
  status,
  title: known === undefined ? 'Sign in' : 'Confirm it is you',
  formTargets,
  usesPasskeys: true,
  body: html`<h1>${known === undefined ? 'Sign in' : 'Confirm it is you'}</h1>
    <p>to go on to <strong>${clientName}</strong></p>
    ${alert(errors['form'])}
    <form method="post" action="/account/sign-in/${uid}">
      ${field({
        ...{ name: 'email', label: 'Email', type: 'email', autocomplete: 'username webauthn' },
        ...{ value: known ?? email, isReadOnly: known !== undefined },
      })}
      ${field({ name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password' })}
      <button type="submit">Sign in</button>
    </form>
    <p class="also"><a href="/account/forgot-password${query(uid)}">Forgotten your password?</a></p>
    ${passkeyForm({
      ...{
        action: `/account/sign-in/${uid}/passkey`,
        ceremony: 'get',
        options: passkeys,
        label: 'Sign in with a passkey',
        isAlternative: true,
      },
    })}
    ${
      known === undefined
        ? html`<p class="also">New here? <a href="/account/sign-up${query(uid)}">Create an account</a></p>`
        : html`<p class="also">Not you? <a href="/oidc/session/end">Sign out first</a></p>`
    }
    ${cancelForm(uid)}`,
})

export interface CodePage extends Frame {
  hasTotp: boolean
  /** Undefined where the person has no passkey. */
  passkeys: object | undefined
  refusal?: string | undefined
}

const codeForm = (uid: string, refusal: string | undefined): Html => html`
  <p>Type the code that your authenticator app shows now.</p>
  <form method="post" action="/account/sign-in/${uid}/code">
    ${field({
      ...{ name: 'code', label: 'Code', type: 'text', autocomplete: 'one-time-code', hasFocus: true, maxLength: 40, error: refusal },
      hint: 'Six digits. Without your app at hand, use one of your recovery codes.',
    })}
    <button type="submit">Continue</button>
  </form>
`

/** Asks for the second factor. */
export const codePage = ({ uid, clientName, formTargets, hasTotp, passkeys, refusal }: CodePage): Page => ({
  status: refusal === undefined ? 200 : 422,
  title: 'One more step',
  formTargets,
  usesPasskeys: passkeys !== undefined,
  body: html`<h1>One more step</h1>
    <p>to go on to <strong>${clientName}</strong></p>
    ${hasTotp ? codeForm(uid, refusal) : html`<p>This needs your passkey.</p>`}
    ${
      passkeys !== undefined &&
      passkeyForm({
        ...{
          action: `/account/sign-in/${uid}/passkey`,
          ceremony: 'get',
          options: passkeys,
          label: 'Use a passkey',
          isAlternative: hasTotp,
        },
      })
    }
    ${!hasTotp && passkeysMissing()} ${cancelForm(uid)}`,
})

/** A new page, since the challenge that was answered is used up. */
export const passkeyRefusedPage = ({ uid, formTargets }: Frame): Page => ({
  status: 422,
  title: 'That passkey was not accepted',
  formTargets,
  body: html`<h1>That passkey was not accepted</h1>
    <p>It may have been removed from the account, belong to another one, or the page was open for more than five minutes.</p>
    <p class="also"><a class="button" href="/account/sign-in/${uid}">Try again</a></p>
    ${cancelForm(uid)}`,
})

export interface ContinuePage extends Frame {
  email: string
}

/** Asks a person who is signed in already whether a native client may go on as them. */
export const continuePage = ({ uid, clientName, email, formTargets }: ContinuePage): Page => ({
  status: 200,
  title: 'Continue',
  formTargets,
  body: html`<h1>Continue to ${clientName}?</h1>
    <p>You are signed in as <strong>${email}</strong>.</p>
    <form method="post" action="/account/sign-in/${uid}/continue"><button type="submit">Continue</button></form>
    ${cancelForm(uid)}
    <p class="also">Only continue if you have just opened ${clientName} yourself.</p>`,
})
