import type { Profile } from '../me/me.schema.js'
import { PASSWORD_LENGTH } from '../users/users.schema.js'
import { field, html, type FormState, type Html, type Page } from './html.js'
import { backToAccount } from './overview.pages.js'

const LANGUAGES: Record<Profile['locale'], string> = { en: 'English', de: 'Deutsch' }

/** Name, address and language on the account page. */
export const profileSection = ({ email, name, locale }: Profile): Html =>
  html`<dl class="facts">
      <dt>Name</dt>
      <dd>${name ?? 'None given'}</dd>
      <dt>Email</dt>
      <dd>${email}</dd>
      <dt>Language of mails</dt>
      <dd>${LANGUAGES[locale]}</dd>
    </dl>
    <p class="actions"><a href="/account/profile">Change name or language</a> <a href="/account/email">Change email address</a></p>`

export const passwordSection = (): Html =>
  html`<p>At least ${PASSWORD_LENGTH.least} characters, and none that is used elsewhere.</p>
    <p class="actions"><a href="/account/password">Change password</a></p>`

interface ProfilePage {
  name: string
  locale: Profile['locale']
  error?: string | undefined
}

const option = (code: string, label: string, isChosen: boolean): Html =>
  html`<option value="${code}" ${isChosen && html` selected`}>${label}</option>`

export const profilePage = ({ name, locale, error }: ProfilePage): Page => ({
  status: error === undefined ? 200 : 422,
  title: 'Name and language',
  body: html`<h1>Name and language</h1>
    <form method="post" action="/account/profile">
      ${field({ name: 'name', label: 'Name', type: 'text', autocomplete: 'name', maxLength: 100, isOptional: true, value: name, error })}
      <div class="field">
        <label for="locale">Language of mails</label>
        <select id="locale" name="locale">
          ${Object.entries(LANGUAGES).map(([code, label]) => option(code, label, code === locale))}
        </select>
      </div>
      <button type="submit">Save</button>
    </form>
    ${backToAccount()}`,
})

export const changePasswordPage = ({ email, errors = {} }: FormState, status = 200): Page => ({
  status,
  title: 'Change password',
  body: html`<h1>Change password</h1>
    <p>All other sessions end with it.</p>
    <form method="post" action="/account/password">
      <input type="hidden" name="username" autocomplete="username" value="${email}" />
      ${field({
        ...{ name: 'currentPassword', label: 'Current password', type: 'password', autocomplete: 'current-password' },
        error: errors['currentPassword'],
      })}
      ${field({
        ...{ name: 'newPassword', label: 'New password', type: 'password', autocomplete: 'new-password' },
        hint: `At least ${PASSWORD_LENGTH.least} characters. A few words in a row are easy to keep in mind.`,
        error: errors['newPassword'],
      })}
      <button type="submit">Change password</button>
    </form>
    ${backToAccount()}`,
})

export const changeEmailPage = ({ email, errors = {} }: FormState, status = 200): Page => ({
  status,
  title: 'Change email address',
  body: html`<h1>Change email address</h1>
    <p>We send a mail to the address that you have and to the new one. The change counts once you have opened the link in each of them.</p>
    <form method="post" action="/account/email">
      ${field({
        ...{ name: 'email', label: 'New email address', type: 'email', autocomplete: 'email', value: email, error: errors['email'] },
      })}
      <button type="submit">Send the mails</button>
    </form>
    ${backToAccount()}`,
})
