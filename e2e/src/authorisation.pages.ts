import { randomBytes } from 'node:crypto'
import type { RunningSystem } from '@catamaran/stack'
import { request } from 'undici'
import { faultsOf } from './authorisation.calls.js'
import type { Walk } from './authorisation.walk.js'

interface Visit {
  readonly who: string
  readonly headers: Record<string, string>
}

const isSuccess = (status: number): boolean => status < 300

/** Cookies of the right names that nobody signed. */
const FORGED = ['cat_session', 'cat_interaction', 'cat_device'].map((name) => `${name}=${randomBytes(20).toString('base64url')}`).join('; ')

/** Forms of other sites, sent by the browser of somebody who is signed in. */
const foreignForms = (cookie: string): Visit[] => [
  { who: 'a form of another site', headers: { cookie, origin: 'https://evil.example' } },
  { who: 'a form of a sandboxed page', headers: { cookie, origin: 'null' } },
  { who: 'a form without an origin', headers: { cookie } },
  { who: 'a form of another site, as the browser tells', headers: { cookie, 'sec-fetch-site': 'cross-site' } },
  { who: 'a form of a neighbour', headers: { cookie, origin: 'null', 'sec-fetch-site': 'same-site' } },
]

/** Where a page shows something, or takes a form, that it shouldn't. */
export const pageFaults = async (name: string, shownTo: 'anybody' | 'session', system: RunningSystem, walk: Walk): Promise<string[]> => {
  const [method = '', template = ''] = name.split(' ')
  const url = system.gateway + template.replace(/\{name\}/, 'style.css').replace(/\{\w+\}/g, walk.world.owned.passkey)
  const { origin } = new URL(system.gateway)
  const visit = async ({ headers }: Visit): Promise<number> => {
    const form = method === 'GET' ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
    const options = { headers: { accept: 'text/html', ...form, ...headers }, signal: AbortSignal.timeout(10_000) }
    const { statusCode, body } = await request(url, { ...options, method: method as 'GET', body: method === 'GET' ? null : '' })
    await body.dump()
    return statusCode
  }
  const strangers: Visit[] = [
    { who: 'nobody', headers: { origin } },
    { who: 'a forged cookie', headers: { origin, cookie: FORGED } },
    { who: 'an access token instead of a session', headers: { origin, authorization: `Bearer ${walk.world.victim.accessToken}` } },
  ]
  const cookie = walk.world.victim.browser.cookiesFor(new URL(url))
  if (!cookie.includes('cat_session=')) throw new Error('the victim is not signed in')
  const foreign = method === 'GET' ? [] : foreignForms(cookie)
  const faults = await faultsOf(strangers, async (stranger) => {
    const status = await visit(stranger)
    const isRight = status < 500 && (shownTo === 'anybody' || !isSuccess(status))
    return isRight ? undefined : `${stranger.who}: ${status}`
  })
  const taken = await faultsOf(foreign, async (form) => {
    const status = await visit(form)
    return status >= 400 && status < 500 ? undefined : `${form.who}: ${status}`
  })
  return [...faults, ...taken]
}
