import { z } from 'zod'

const isLoopback = (hostname: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname)

/** Whether it is an origin and no more, https or, on this machine, http. */
const isOrigin = (text: string): boolean => {
  const url = URL.parse(text)
  return url !== null && url.origin === text && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)))
}

/** The origins that a buyer may be sent back to, as configuration lists them. */
export const ReturnOrigins = z.array(
  z.string().refine(isOrigin, { message: 'expected origins such as https://shop.example, or http://localhost for a sandbox' }),
)

/**
 * Where a buyer may be sent back to after 3-D Secure: only an origin that was agreed, so that nobody uses a shop's own payment page to lead its buyers elsewhere. On this
 * machine any port will do (RFC 8252, section 7.3). Written as it was understood here (WHATWG URL), since other parsers read some, such as
 * `https://shop.example\@elsewhere.example`, another way.
 * @returns undefined when it is not allowed
 */
export const allowedReturn = (returnUrl: string, origins: readonly string[]): string | undefined => {
  const url = URL.parse(returnUrl)
  if (url === null || url.username !== '' || url.password !== '') return undefined
  const isLocal = url.protocol === 'http:' && isLoopback(url.hostname)
  return origins.includes(url.origin) || (isLocal && origins.includes(`http://${url.hostname}`)) ? url.href : undefined
}
