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
 * Whether a buyer may be sent back there after 3-D Secure: only to an origin that was agreed, so that nobody uses a shop's own payment page to lead its buyers elsewhere.
 * On this machine any port will do (RFC 8252, section 7.3).
 */
export const isReturnAllowed = (returnUrl: string, origins: readonly string[]): boolean => {
  const url = URL.parse(returnUrl)
  if (url === null || url.username !== '' || url.password !== '') return false
  if (url.protocol === 'http:' && isLoopback(url.hostname))
    return origins.includes(`http://${url.hostname}`) || origins.includes(url.origin)
  return origins.includes(url.origin)
}
