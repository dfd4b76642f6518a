import { PASSWORD_LENGTH } from '../users/users.schema.js'
import { backToSignIn, query, type Return } from './account.pages.js'
import { alert, field, html, type FormState, type Page } from './html.js'

export const forgotPasswordPage = (back: Return, { email, errors = {} }: FormState = {}, status = 200): Page => ({
  status,
  title: 'Forgotten your password?',
  body: html`<h1>Forgotten your password?</h1>
    <p>Give the email address of your account, and we send you a link to choose a new one.</p>
    ${alert(errors['form'])}
    <form method="post" action="/account/forgot-password${query(back)}">
      ${field({ name: 'email', label: 'Email', type: 'email', autocomplete: 'username', value: email, error: errors['email'] })}
      <button type="submit">Send the link</button>
    </form>
    ${backToSignIn(back)}`,
})

/** The same whether or not there is an account. */
export const resetSentPage = (back: Return): Page => ({
  status: 200,
  title: 'Check your mail',
  body: html`<h1>Check your mail</h1>
    <p>If there is an account with this address, we have sent a mail to it. Open the link in it within an hour to choose a new password.</p>
    <p class="also">
      Nothing there? Look in the folder for unwanted mail, or <a href="/account/forgot-password${query(back)}">try again</a>, perhaps with
      another address.
    </p>
    ${backToSignIn(back)}`,
})

export const resetPasswordPage = (token: string, { errors = {} }: FormState = {}, status = 200): Page => ({
  status,
  title: 'Choose a new password',
  body: html`<h1>Choose a new password</h1>
    <p>You will be signed out everywhere. Codes and passkeys stay as they are.</p>
    ${alert(errors['form'])}
    <form method="post" action="/account/reset-password">
      <input type="hidden" name="token" value="${token}" />
      ${field({
        name: 'password',
        label: 'New password',
        type: 'password',
        autocomplete: 'new-password',
        hint: `At least ${PASSWORD_LENGTH.least} characters. A few words in a row are easy to keep in mind.`,
        error: errors['password'],
      })}
      <button type="submit">Set the password</button>
    </form>`,
})

export const passwordSetPage = (): Page => ({
  status: 200,
  title: 'Password changed',
  body: html`<h1>Your password is changed</h1>
    <p>You are signed out everywhere. Go back to where you came from and sign in with the new password.</p>`,
})

export const confirmEmailPage = (token: string, email: string): Page => ({
  status: 200,
  title: 'Confirm the new email address',
  body: html`<h1>Confirm the new email address</h1>
    <p>Press the button to let the account use <strong>${email}</strong>.</p>
    <form method="post" action="/account/confirm-email">
      <input type="hidden" name="token" value="${token}" />
      <button type="submit">Confirm</button>
    </form>`,
})

export const emailConfirmedPage = (status: 'changed' | 'waiting' | 'taken'): Page => {
  if (status === 'taken') {
    return {
      status: 409,
      title: 'This address has an account already',
      body: html`<h1>This address has an account already</h1>
        <p>
          It was registered in the meantime, so nothing was changed. To use it for the other account, change the address of this one first.
        </p>`,
    }
  }
  const hasChanged = status === 'changed'
  return {
    status: 200,
    title: 'Email address confirmed',
    body: html`<h1>Thank you</h1>
      <p>
        ${hasChanged ? 'The new email address counts from now on.' : 'The new email address counts as soon as the other one has confirmed too.'}
      </p>`,
  }
}

export const recoveryLinkInvalidPage = (): Page => ({
  status: 400,
  title: 'This link does not work any more',
  body: html`<h1>This link does not work any more</h1>
    <p>It was used, or it is too old. If you need a new password, <a href="/account/forgot-password">ask for another mail</a>.</p>`,
})
