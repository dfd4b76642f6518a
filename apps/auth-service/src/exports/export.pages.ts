import { html, type Page } from '../pages/html.js'

export const exportPage = (token: string): Page => ({
  status: 200,
  title: 'Your data',
  body: html`<h1>Your data</h1>
    <p>Press the button to download what Catamaran holds about you, as one JSON file. The link works once.</p>
    <form method="post" action="/account/export">
      <input type="hidden" name="token" value="${token}" />
      <button type="submit">Download</button>
    </form>`,
})

export const exportGonePage = (): Page => ({
  status: 400,
  title: 'This link does not work any more',
  body: html`<h1>This link does not work any more</h1>
    <p>It was used, or it is older than a day. Sign in where you asked for your data to fetch it there, or ask for it again.</p>`,
})
