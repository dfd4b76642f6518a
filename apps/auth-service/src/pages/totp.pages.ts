import { encode } from 'uqr'
import type { TotpStarted, TotpState } from '../totp/totp.schema.js'
import { field, html, Html, time, type Page } from './html.js'
import { backToAccount } from './overview.pages.js'

/** A QR code as markup: dark squares on white in every colour scheme, since cameras expect that. */
const qrCode = (text: string): Html => {
  const { size, data } = encode(text, { ecc: 'M', border: 3 })
  const squares = data.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])))
  return html`<svg
    class="qr"
    viewBox="0 0 ${size} ${size}"
    role="img"
    aria-label="QR code for your authenticator app"
    shape-rendering="crispEdges"
  >
    <path d="${squares.join('')}" />
  </svg>`
}

const grouped = (secret: string): string => secret.match(/.{1,4}/g)?.join(' ') ?? secret

/** The authenticator app on the account page. */
export const totpSection = ({ status, since, recoveryCodesLeft }: TotpState): Html => {
  if (status === 'off' || since === null) {
    return html`<p>
        After your password, sign-in asks for a code that an app on your phone shows. Whoever learns your password still can’t get in.
      </p>
      <p class="actions"><a href="/account/codes/new">Set up an authenticator app</a></p>`
  }
  return html`<p><strong class="badge">On</strong> since ${time(new Date(since))}.</p>
    <p>
      ${recoveryCodesLeft === 1 ? '1 recovery code is' : `${recoveryCodesLeft} recovery codes are`} left. Each signs you in once when your
      app is not at hand.
    </p>
    <p class="actions"><a href="/account/codes/recovery">Make new recovery codes</a> <a href="/account/codes/off">Switch codes off</a></p>`
}

export const startTotpPage = (): Page => ({
  status: 200,
  title: 'Set up an authenticator app',
  body: html`<h1>Set up an authenticator app</h1>
    <p>You need an app that makes one-time codes on your phone or computer. Most password managers can do it too.</p>
    <form method="post" action="/account/codes"><button type="submit">Go on</button></form>
    ${backToAccount()}`,
})

export const confirmTotpPage = ({ secret, uri }: TotpStarted, error?: string): Page => ({
  status: error === undefined ? 200 : 422,
  title: 'Add Catamaran to your app',
  body: html`<h1>Add Catamaran to your app</h1>
    <p>Scan this with the app, or <a href="${uri}">open it in an app on this device</a>.</p>
    ${qrCode(uri)}
    <p>Can’t scan it? Type this key instead:</p>
    <p class="secret"><code>${grouped(secret)}</code></p>
    <form method="post" action="/account/codes/confirm">
      ${field({
        ...{ name: 'code', label: 'Code', type: 'text', autocomplete: 'one-time-code', inputMode: 'numeric', maxLength: 12, error },
        hint: 'The six digits that the app shows now.',
      })}
      <button type="submit">Switch codes on</button>
    </form>
    ${backToAccount()}`,
})

/** Shown once, in answer to the form that made them. */
export const recoveryCodesPage = (codes: readonly string[], isFirst: boolean): Page => ({
  status: 200,
  title: 'Your recovery codes',
  body: html`<h1>Your recovery codes</h1>
    <p>
      ${isFirst ? 'Codes at sign-in are on.' : 'The old codes no longer work.'} Keep these where you find them without your app: on paper,
      or in a password manager. Each works once. <strong>They are not shown again.</strong>
    </p>
    <ol class="codes">
      ${codes.map((code) => html`<li><code>${code}</code></li>`)}
    </ol>
    <p class="also"><a class="button" href="/account">I have kept them</a></p>`,
})

export const renewCodesPage = (): Page => ({
  status: 200,
  title: 'Make new recovery codes',
  body: html`<h1>Make new recovery codes?</h1>
    <p>You get ten new ones. Those that you have now stop working.</p>
    <form method="post" action="/account/codes/recovery"><button type="submit">Make new codes</button></form>
    ${backToAccount()}`,
})

export const switchOffPage = (): Page => ({
  status: 200,
  title: 'Switch codes off',
  body: html`<h1>Switch codes off?</h1>
    <p>Then your password alone signs you in, and your recovery codes no longer work.</p>
    <form method="post" action="/account/codes/off"><button type="submit" class="danger">Switch codes off</button></form>
    ${backToAccount()}`,
})
