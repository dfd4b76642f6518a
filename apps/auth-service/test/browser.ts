/** A browser without scripts: keeps cookies by path, follows redirects only when told, sends forms as pages do. */
export class Browser {
  /** Hears of each Set-Cookie header. */
  onCookie: (header: string) => void = () => undefined
  private readonly cookies = new Map<string, { value: string; path: string }>()

  constructor(
    readonly home: string,
    private readonly headers: Record<string, string> = {},
  ) {}

  async go(address: string, init: RequestInit = {}): Promise<Response> {
    const url = new URL(address, this.home)
    const response = await fetch(url, {
      redirect: 'manual',
      ...init,
      headers: {
        accept: 'text/html',
        ...this.headers,
        cookie: this.cookiesFor(url),
        ...(init.headers as Record<string, string> | undefined),
      },
    })
    for (const line of response.headers.getSetCookie()) this.keep(line)
    return response
  }

  /** Sends a form; `origin` is where the page with the form came from. */
  submit(address: string, fields: Record<string, string>, origin = this.home): Promise<Response> {
    return this.go(address, { method: 'POST', body: new URLSearchParams(fields), headers: { origin } })
  }

  /** Follows redirects until one leaves this site or an answer is a page. */
  async follow(response: Response): Promise<{ response: Response; at: URL }> {
    let current = response
    let at = new URL(this.home)
    for (let hops = 0; hops < 10; hops++) {
      const location = current.headers.get('location')
      if (location === null) return { response: current, at }
      at = new URL(location, this.home)
      if (at.origin !== this.home) return { response: current, at }
      current = await this.go(at.href)
    }
    throw new Error('too many redirects')
  }

  cookie(name: string): string | undefined {
    return [...this.cookies.entries()].find(([key]) => key.startsWith(`${name};`))?.[1].value
  }

  set(name: string, value: string, path = '/'): void {
    this.cookies.set(`${name};${path}`, { value, path })
  }

  /** Takes over the cookies of another browser. */
  plant(other: Browser): void {
    for (const [key, cookie] of other.cookies) this.cookies.set(key, cookie)
  }

  private cookiesFor({ pathname }: URL): string {
    return [...this.cookies.entries()]
      .filter(([, { path }]) => pathname === path || path === '/' || pathname.startsWith(`${path}/`))
      .map(([key, { value }]) => `${key.slice(0, key.indexOf(';'))}=${value}`)
      .join('; ')
  }

  private keep(line: string): void {
    this.onCookie(line)
    const [pair = '', ...attributes] = line.split('; ')
    const name = pair.slice(0, pair.indexOf('='))
    const value = pair.slice(name.length + 1)
    const path = attributes.find((attribute) => attribute.toLowerCase().startsWith('path='))?.slice(5) ?? '/'
    if (value === '') this.cookies.delete(`${name};${path}`)
    else this.cookies.set(`${name};${path}`, { value, path })
  }
}
