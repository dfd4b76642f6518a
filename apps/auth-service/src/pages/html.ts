import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** Markup that is safe to send. Only `html` makes it. */
export class Html {
  constructor(readonly text: string) {}
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escape = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')

type Part = Html | string | number | undefined | false | readonly Html[]

const render = (part: Part): string => {
  if (part === undefined || part === false) return ''
  if (part instanceof Html) return part.text
  return typeof part === 'object' ? part.map((each) => each.text).join('') : escape(String(part))
}

/** A template whose values are escaped, unless they are markup themselves. Example: html`<p>${name}</p>`. */
export const html = (strings: TemplateStringsArray, ...parts: Part[]): Html =>
  new Html(strings.reduce((text, piece, index) => text + render(parts[index - 1]) + piece))

export interface Asset {
  /** Changes with the content, so it may be kept for ever. */
  readonly name: string
  readonly type: string
  readonly bytes: Buffer
}

const assetOf = (name: string, extension: string, type: string): Asset => {
  const bytes = readFileSync(new URL(`../../../assets/${name}.${extension}`, import.meta.url))
  return { name: `${name}.${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}.${extension}`, type, bytes }
}

const style = assetOf('account', 'css', 'text/css; charset=utf-8')
const passkeys = assetOf('passkeys', 'js', 'text/javascript; charset=utf-8')
const icon = assetOf('icon', 'svg', 'image/svg+xml; charset=utf-8')

/** What the pages load, by name under /account/assets/. */
export const assets: ReadonlyMap<string, Asset> = new Map([style, icon, passkeys].map((asset) => [asset.name, asset]))

export interface Page {
  readonly status: number
  readonly title: string
  readonly body: Html
  /** Origins or schemes, beside our own, that a form of this page may end up at: browsers hold redirects after a form against the policy. */
  readonly formTargets?: readonly string[]
  /** Whether it asks the browser for passkeys, the one thing that needs a script. */
  readonly usesPasskeys?: boolean
  /** Wide for what lists things; a form alone is narrow. */
  readonly isWide?: boolean
}

/** The headers every page is sent with: nothing inline, nothing from elsewhere, in no frame, kept by nobody. */
export const headersOf = ({
  formTargets = [],
  usesPasskeys = false,
}: Pick<Page, 'formTargets' | 'usesPasskeys'>): Record<string, string> => ({
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': [
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self'",
    ...(usesPasskeys ? ["script-src 'self'"] : []),
    `form-action ${["'self'", ...formTargets].join(' ')}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  // With no-referrer browsers would send `Origin: null` with our own forms.
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
})

/** A whole document. */
export const documentOf = ({
  title,
  body,
  usesPasskeys = false,
  isWide = false,
}: Pick<Page, 'title' | 'body' | 'usesPasskeys' | 'isWide'>): string =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · Catamaran</title>
        <link rel="icon" href="/account/assets/${icon.name}" type="image/svg+xml" />
        <link rel="stylesheet" href="/account/assets/${style.name}" />
        ${usesPasskeys && html`<script src="/account/assets/${passkeys.name}" defer></script>`}
      </head>
      <body>
        <main${isWide && html` class="wide"`}>
          <p class="brand"><span class="mark" aria-hidden="true"></span>Catamaran</p>
          ${body}
        </main>
      </body>
    </html> `.text

/** What a form shows again when something in it was wrong. */
export interface FormState {
  readonly email?: string | undefined
  /** Messages by field name; `form` is about the whole. */
  readonly errors?: Readonly<Record<string, string>>
}

interface Field {
  name: string
  label: string
  type: 'email' | 'password' | 'text'
  autocomplete: string
  hint?: string
  /** What keyboard a phone shows. */
  inputMode?: 'numeric'
  maxLength?: number
  isReadOnly?: boolean
  isOptional?: boolean
  hasFocus?: boolean
  value?: string | undefined
  error?: string | undefined
}

/** A labelled input with its hint and its error. */
export const field = ({ name, label, type, autocomplete, hint, value, error, ...more }: Field): Html => {
  const describedBy = [hint === undefined ? '' : `${name}-hint`, error === undefined ? '' : `${name}-error`].filter(Boolean).join(' ')
  return html`<div class="field">
    <label for="${name}">${label}</label>
    ${hint !== undefined && html`<p class="hint" id="${name}-hint">${hint}</p>`}
    ${error !== undefined && html`<p class="error" id="${name}-error">${error}</p>`}
    <input
      id="${name}"
      name="${name}"
      type="${type}"
      autocomplete="${autocomplete}"
      ${more.isOptional !== true && html` required`}${value !== undefined && html` value="${value}"`}${
        error !== undefined && html` aria-invalid="true"`
      }${describedBy !== '' && html` aria-describedby="${describedBy}"`}${type !== 'password' && html` autocapitalize="none" spellcheck="false"`}${
        more.inputMode !== undefined && html` inputmode="${more.inputMode}"`
      }${more.maxLength !== undefined && html` maxlength="${more.maxLength}"`}${more.isReadOnly === true && html` readonly`}${
        more.hasFocus === true && html` autofocus`
      }
    />
  </div>`
}

const DAY = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' })

/** A day, for people and programs. */
export const time = (at: Date): Html => html`<time datetime="${at.toISOString()}">${DAY.format(at)}</time>`

/** The message over a form that was refused; screen readers say it at once. */
export const alert = (message: string | undefined): Html | undefined =>
  message === undefined ? undefined : html`<p class="alert" role="alert">${message}</p>`
