import { html, type Html } from './html.js'

interface PasskeyForm {
  /** Where the answer of the browser is sent. */
  action: string
  ceremony: 'get' | 'create'
  /** JSON that the browser makes its request from. */
  options: object
  label: string
  /** Whether it is another way beside a form above it. */
  isAlternative?: boolean
  /** Fields of the form besides the answer. */
  fields?: Html | undefined
}

/** A form that is filled by the browser's passkeys: assets/passkeys.js shows it where there are any. */
export const passkeyForm = ({ action, ceremony, options, label, isAlternative = false, fields }: PasskeyForm): Html =>
  html`<form method="post" action="${action}" data-passkey="${ceremony}" data-options="${JSON.stringify(options)}" hidden>
    ${isAlternative && html`<p class="or"><span>or</span></p>`} ${fields}
    <input type="hidden" name="credential" />
    <button type="submit" ${isAlternative && html` class="outline"`}>${label}</button>
    <p class="status" role="status"></p>
  </form>`

/** What a page that is nothing without passkeys says until the script has found that there can be some. */
export const passkeysMissing = (): Html =>
  html`<p class="alert" data-passkeys-missing>Passkeys need JavaScript and a browser that knows them. One of the two is missing here.</p>`
