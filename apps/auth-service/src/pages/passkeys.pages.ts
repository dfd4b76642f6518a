import type { Passkey } from '../passkeys/passkeys.schema.js'
import { field, html, time, type Html, type Page } from './html.js'
import { backToAccount } from './overview.pages.js'
import { passkeyForm, passkeysMissing } from './passkey-form.js'

const usedText = ({ lastUsedAt }: Passkey): Html =>
  lastUsedAt === null ? html`Not used yet` : html`Last used ${time(new Date(lastUsedAt))}`

const item = (passkey: Passkey): Html =>
  html`<li>
    <div>
      <strong>${passkey.name}</strong>
      <p class="hint">
        Added ${time(new Date(passkey.createdAt))}. ${usedText(passkey)}.${passkey.isSynced && html` Synced to your other devices.`}
      </p>
    </div>
    <a href="/account/passkeys/${passkey.id}" aria-label="Change ${passkey.name}">Change</a>
  </li>`

/** The passkeys on the account page. */
export const passkeysSection = (passkeys: readonly Passkey[]): Html =>
  html`<p>Sign in with your fingerprint, face or screen lock, without a password. Nothing can be guessed or typed into a false page.</p>
    ${
      passkeys.length > 0 &&
      html`<ul class="items">
        ${passkeys.map(item)}
      </ul>`
    }
    <p class="actions"><a href="/account/passkeys/new">Add a passkey</a></p>`

export const addPasskeyPage = (options: object): Page => ({
  status: 200,
  title: 'Add a passkey',
  usesPasskeys: true,
  body: html`<h1>Add a passkey</h1>
    <p>Your browser asks where to keep it: on this device, on your phone, or on a security key.</p>
    ${passkeysMissing()}
    ${passkeyForm({
      ...{ action: '/account/passkeys', ceremony: 'create', options, label: 'Go on' },
      fields: field({
        ...{ name: 'name', label: 'Name', type: 'text', autocomplete: 'off', maxLength: 100, value: 'My passkey' },
        hint: 'To tell it from others later, such as “My phone”.',
      }),
    })}
    ${backToAccount()}`,
})

export const passkeyPage = (passkey: Passkey, error?: string): Page => ({
  status: error === undefined ? 200 : 422,
  title: passkey.name,
  body: html`<h1>${passkey.name}</h1>
    <p>Added ${time(new Date(passkey.createdAt))}. ${usedText(passkey)}.</p>
    <form method="post" action="/account/passkeys/${passkey.id}/rename">
      ${field({ name: 'name', label: 'Name', type: 'text', autocomplete: 'off', maxLength: 100, value: passkey.name, error })}
      <button type="submit">Save the name</button>
    </form>
    <form class="apart" method="post" action="/account/passkeys/${passkey.id}/remove">
      <p class="hint">Once removed, it can’t sign in any more. Delete it on your device too.</p>
      <button type="submit" class="danger">Remove this passkey</button>
    </form>
    ${backToAccount()}`,
})

export const passkeyFailedPage = (detail: string): Page => ({
  status: 422,
  title: 'The passkey was not added',
  body: html`<h1>The passkey was not added</h1>
    <p>${detail}</p>
    <p class="also"><a class="button" href="/account/passkeys/new">Try again</a></p>
    ${backToAccount()}`,
})
