import type { ServiceName } from '@catamaran/contracts'
import type { RunningSystem } from '@catamaran/stack'
import { getGlobalDispatcher } from 'undici'

/** Where a call goes: the gateway, or a service itself with a token of a service that may call it. */
export interface Entrance {
  readonly name: string
  readonly base: string
  readonly headers: Readonly<Record<string, string>>
}

/** What a caller can tell answers apart by. */
export interface Answer {
  readonly status: number
  /** The problem's code, or the error of OAuth. */
  readonly code: string
  readonly text: string
  readonly challenge: string
}

export interface Call {
  readonly method: string
  readonly path: string
  readonly token?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object | undefined
}

const DEADLINE_MS = 10_000

const codeOf = (text: string): string => {
  try {
    const { code, error } = JSON.parse(text) as { code?: string; error?: string }
    return code ?? error ?? ''
  } catch {
    return ''
  }
}

/** Sends one request; redirects are not followed. */
export const send = async (entrance: Entrance, { method, path, token, headers = {}, body }: Call): Promise<Answer> => {
  // Not by URL, which would tidy `/..` before it is sent.
  const answer = await getGlobalDispatcher().request({
    ...{ origin: entrance.base, path, method: method as 'GET' },
    headers: {
      accept: 'application/json',
      ...entrance.headers,
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(DEADLINE_MS),
  })
  const text = await answer.body.text()
  return { status: answer.statusCode, code: codeOf(text), text, challenge: String(answer.headers['www-authenticate'] ?? '') }
}

export const gatewayOf = ({ gateway }: RunningSystem): Entrance => ({ name: 'through the gateway', base: gateway, headers: {} })

export const serviceOf = ({ services }: RunningSystem, service: ServiceName, serviceToken: string): Entrance => ({
  ...{ name: `at ${service}`, base: services[service]?.url ?? '', headers: { 'x-service-token': serviceToken } },
})

const AT_ONCE = 8

/** Does all of it, a few at once, and gives what was wrong. */
export const faultsOf = async <T>(all: readonly T[], look: (one: T) => Promise<string | undefined>): Promise<string[]> => {
  const found: (string | undefined)[] = []
  for (let at = 0; at < all.length; at += AT_ONCE) found.push(...(await Promise.all(all.slice(at, at + AT_ONCE).map(look))))
  return found.filter((fault) => fault !== undefined)
}
