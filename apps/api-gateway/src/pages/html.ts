/** Text that is HTML already. */
export class Html {
  constructor(readonly text: string) {}
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (found) => ENTITIES[found] as string)

const textOf = (value: unknown): string => {
  if (value instanceof Html) return value.text
  if (Array.isArray(value)) return value.map(textOf).join('')
  return value === undefined || value === null || value === false ? '' : escapeHtml(String(value as string | number))
}

/** HTML from a template: every value is escaped unless it is `Html`; lists are joined, nothing is made of undefined, null and false. */
export const html = (parts: TemplateStringsArray, ...values: unknown[]): Html =>
  new Html(parts.reduce((text, part, at) => text + textOf(values[at - 1]) + part))

/** The little Markdown that descriptions use: paragraphs and `code`. */
export const prose = (text: string | undefined): Html[] =>
  (text ?? '')
    .split('\n\n')
    .filter((paragraph) => paragraph !== '')
    .map((paragraph) => html`<p>${inline(paragraph)}</p>`)

/** One line of such Markdown. */
export const inline = (text: string): Html[] =>
  text.split('`').map((part, at) => (at % 2 === 1 ? html`<code>${part}</code>` : html`${part}`))

/** A whole page in the gateway's dress. It loads nothing but its style sheet. */
export const page = (title: string, body: Html, nav: Html | false = false): string =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="none" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · Catamaran</title>
        <link rel="icon" href="/assets/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/assets/style.css" />
      </head>
      <body class="${nav === false ? 'plain' : 'with-nav'}">
        <a class="skip" href="#main">To the content</a>
        <header class="top">
          <a class="brand" href="/"><img src="/assets/icon.svg" alt="" width="28" height="28" />Catamaran</a>
          <nav aria-label="Pages"><a href="/docs">Reference</a> <a href="/problems">Problems</a> <a href="/openapi.json">OpenAPI</a></nav>
        </header>
        ${nav}
        <main id="main">${body}</main>
      </body>
    </html> `.text
