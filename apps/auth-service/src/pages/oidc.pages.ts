import type { ErrorOut, KoaContextWithOIDC } from 'oidc-provider'
import { errorPage } from './account.pages.js'
import { documentOf, headersOf, html, Html, type Page } from './html.js'

/** Sends a page through oidc-provider. */
export const render = (ctx: KoaContextWithOIDC, page: Page): void => {
  ctx.status = page.status
  ctx.set(headersOf(page))
  ctx.body = documentOf(page)
}

const EXPIRED = /session not found|has expired|identifier mismatch|session mismatch/

/** The page for a sign-in that can't go on, where there is no address to send the error to. */
export const renderError = (ctx: KoaContextWithOIDC, { error, error_description: description }: ErrorOut): void => {
  const isExpired = EXPIRED.test(description ?? '')
  render(
    ctx,
    errorPage({
      status: ctx.status,
      title: isExpired ? 'This sign-in has expired' : 'This sign-in can’t go on',
      detail: isExpired
        ? 'Go back to where you came from and start again.'
        : `The app sent you here with a request we can’t follow: ${description ?? error} (${error}).`,
    }),
  )
}

/** Asks before signing out. oidc-provider gives the form, with its protection against being pressed from elsewhere. */
export const renderSignOut = (ctx: KoaContextWithOIDC, form: string): void => {
  const target = ctx.oidc.params?.['post_logout_redirect_uri']
  render(ctx, {
    status: 200,
    title: 'Sign out',
    formTargets: typeof target === 'string' ? [formTargetOf(target)] : [],
    body: html`<h1>Sign out?</h1>
      <p>This ends your session in this browser, for every app you used it with.</p>
      ${new Html(form)}
      <button type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>
      <button type="submit" form="op.logoutForm" class="quiet">Stay signed in</button>`,
  })
}

export const renderSignedOut = (ctx: KoaContextWithOIDC): void =>
  render(ctx, {
    status: 200,
    title: 'Signed out',
    body: html`<h1>You are signed out</h1>
      <p>You can close this page.</p>`,
  })

/** What a content security policy needs to let a form's redirect reach an address: its origin, or the scheme of an app. */
export const formTargetOf = (address: string): string => {
  const { origin, protocol } = new URL(address)
  return origin === 'null' ? protocol : origin
}
