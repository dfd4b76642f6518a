/** What every answer says to browsers, unless the inner service said it itself (sign-in pages bring their own policy). */
const ALWAYS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}
const HSTS = 'strict-transport-security'

export const SECURITY_HEADER_NAMES: ReadonlySet<string> = new Set([...Object.keys(ALWAYS), HSTS])

/** The security headers of a gateway that the outside reaches at `publicUrl`. HSTS is there only where that is TLS. */
export const securityHeadersOf = (publicUrl: string): Readonly<Record<string, string>> =>
  publicUrl.startsWith('https:') ? { ...ALWAYS, [HSTS]: 'max-age=31536000; includeSubDomains' } : ALWAYS
