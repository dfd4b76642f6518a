import { html, type Html } from './html.js'

interface PasskeyForm {
  /** Where the answer of the browser is sent. */
  action: string
  ceremony: 'get' | 'create'
  /** JSON that the browser makes its request from. */
  options: object
  label: string
  isQuiet?: boolean
  /** Fields of the form besides the answer. */
  fields?: Html | undefined
}

/** A form that is filled by the browser's passkeys: assets/passkeys.js shows it where there are any. */
export const passkeyForm = ({ action, ceremony, options, label, isQuiet = false, fields }: PasskeyForm): Html =>
  html`<form method="post" action="${action}" data-passkey="${ceremony}" data-options="${JSON.stringify(options)}" hidden>
    ${fields}
    <input type="hidden" name="credential" />
    <button type="submit" ${isQuiet && html` class="outline"`}>${label}</button>
    <p class="status" role="status"></p>
  </form>`
