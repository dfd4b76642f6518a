import { request } from 'undici'
import { recordCookies, recordFields } from './secrets.js'

/** A page as a person without JavaScript has it. */
export interface Page {
  readonly url: string
  readonly status: number
  readonly html: string
}

const unescape = (text: string): string =>
  text.replace(/&(amp|lt|gt|quot|#39|#x27);/g, (entity) => ({ '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"' })[entity] ?? "'")
const attribute = (tag: string, name: string): string | undefined => {
  const match = new RegExp(`\\s${name}=(?:"([^"]*)"|'([^']*)')`, 'i').exec(tag)
  return match === null ? undefined : unescape(match[1] ?? match[2] ?? '')
}

/**
 * A browser as far as signing in needs one: cookies, redirects and forms. It stops at `stopAt`, as an app catches its own redirect URI.
 * Example: `const page = await browser.open(url)`, then `browser.submit(page, { email, password }, redirectUri)`.
 */
export class Browser {
  private readonly cookies = new Map<string, { value: string; path: string }>()

  /** Opens a page, following redirects; an address that begins with `stopAt` is returned, not opened. */
  async open(url: string, options: { method?: 'GET' | 'POST'; form?: Record<string, string>; stopAt?: string } = {}): Promise<Page> {
    let { method = 'GET', form } = options
    for (let at = new URL(url), hops = 0; hops < 15; hops++) {
      if (options.stopAt !== undefined && at.href.startsWith(options.stopAt)) return { url: at.href, status: 0, html: '' }
      const { statusCode, headers, body } = await request(at, {
        method,
        headers: {
          accept: 'text/html',
          cookie: this.cookiesFor(at),
          ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded', origin: at.origin }),
        },
        body: form === undefined ? null : new URLSearchParams(form).toString(),
        signal: AbortSignal.timeout(10_000),
      })
      const html = await body.text()
      recordFields([{ ...form }, String(headers.location)])
      recordCookies([headers['set-cookie'] ?? []].flat())
      this.keep(headers['set-cookie'], at)
      if (statusCode < 300 || statusCode >= 400 || headers.location === undefined) return { url: at.href, status: statusCode, html }
      at = new URL(String(headers.location), at)
      ;[method, form] = ['GET', undefined]
    }
    throw new Error(`too many redirects from ${url}`)
  }

  /** Fills the page's first form by the type of its fields (`email`, `password`) and sends it. */
  async submit(page: Page, fields: Record<string, string> = {}, stopAt?: string): Promise<Page> {
    const match = /<form\b[^>]*>([\s\S]*?)<\/form>/i.exec(page.html)
    if (match === null) throw new Error(`no form on ${page.url} (${page.status}): ${page.html.slice(0, 500)}`)
    const form: Record<string, string> = {}
    for (const [input] of match[0].matchAll(/<input\b[^>]*>/gi)) {
      const name = attribute(input, 'name')
      if (name !== undefined) form[name] = fields[attribute(input, 'type') ?? 'text'] ?? attribute(input, 'value') ?? ''
    }
    const action = new URL(attribute(match[0].slice(0, match[0].indexOf('>') + 1), 'action') ?? page.url, page.url)
    return this.open(action.href, { method: 'POST', form, ...(stopAt === undefined ? {} : { stopAt }) })
  }

  /** The `Cookie` header that a request to an address would have. */
  cookiesFor(url: URL): string {
    return [...this.cookies]
      .filter(([, { path }]) => url.pathname.startsWith(path))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ')
  }

  private keep(header: string | string[] | undefined, url: URL): void {
    for (const line of [header ?? []].flat()) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
      const name = pair.slice(0, pair.indexOf('='))
      const value = pair.slice(pair.indexOf('=') + 1)
      const expires = attributes.find((part) => /^expires=/i.test(part))?.slice(8)
      if (value === '' || (expires !== undefined && Date.parse(expires) < Date.now())) this.cookies.delete(name)
      else this.cookies.set(name, { value, path: attributes.find((part) => /^path=/i.test(part))?.slice(5) ?? url.pathname })
    }
  }
}
