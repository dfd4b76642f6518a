import { errorOf } from './errors.js'

/** Where the bearer credential of each request comes from. */
export interface Auth {
  token(): string | Promise<string>
  /** Told when a credential was refused: the next one is fetched anew, and the request sent once more. */
  forget?(): void
}

/** A partner's API key, `cat_live_…` or `cat_test_…`. */
export const apiKey = (key: string): Auth => ({ token: () => key })

export interface ClientCredentials {
  /** The gateway, such as `https://api.example.com`. */
  readonly baseUrl: string
  readonly clientId: string
  readonly clientSecret: string
  readonly scope?: string
}

/** A token is fetched anew so long before it ends, in milliseconds. */
const EARLY_MS = 30_000
const TIMEOUT_MS = 10_000

/** Access tokens by OAuth client credentials (RFC 6749, section 4.4), each used until shortly before it ends. */
export const clientCredentials = ({ baseUrl, clientId, clientSecret, scope }: ClientCredentials): Auth => {
  let current: { token: Promise<string>; endsAt: number } | undefined
  const fetchToken = async (): Promise<string> => {
    const basic = [clientId, clientSecret].map(encodeURIComponent).join(':')
    const response = await fetch(`${baseUrl}/oidc/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(basic).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', ...(scope === undefined ? {} : { scope }) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    if (!response.ok) throw await errorOf(response)
    const granted = (await response.json()) as { access_token: string; expires_in: number }
    if (current !== undefined) current.endsAt = Date.now() + granted.expires_in * 1_000 - EARLY_MS
    return granted.access_token
  }
  return {
    token: () => {
      if (current === undefined || Date.now() >= current.endsAt) {
        const token = fetchToken()
        current = { token, endsAt: Infinity }
        token.catch(() => (current = undefined))
      }
      return current.token
    },
    forget: () => (current = undefined),
  }
}
