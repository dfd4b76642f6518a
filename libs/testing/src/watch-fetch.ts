// Loaded into every test process of a run (`node --import`): records the secrets that pass through fetch.
import { recordCookies, recordFields, recordSecret } from './secrets.js'

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text.includes('=') && !text.includes('<') ? Object.fromEntries(new URLSearchParams(text)) : undefined
  }
}

const recordRequest = (url: string, { headers, body }: RequestInit): void => {
  const sent = new Headers(headers)
  const [scheme = '', credential = ''] = (sent.get('authorization') ?? '').split(' ')
  recordSecret('authorization', credential)
  if (scheme === 'Basic')
    recordSecret(
      'client_secret',
      Buffer.from(credential, 'base64')
        .toString()
        .replace(/^[^:]*:/, ''),
    )
  recordSecret('service token', sent.get('x-service-token') ?? '')
  recordCookies((sent.get('cookie') ?? '').split('; '))
  recordFields(Object.fromEntries(new URL(url).searchParams))
  if (typeof body === 'string' || body instanceof URLSearchParams) recordFields(parsed(body.toString()))
}

const recordAnswer = async (answer: Response): Promise<void> => {
  recordCookies(answer.headers.getSetCookie())
  recordFields(answer.headers.get('location') ?? '')
  if (answer.headers.get('content-type')?.includes('application/json') !== true) return
  // An answer that breaks off is the test's affair.
  await answer.json().then(recordFields, () => undefined)
}

const realFetch = globalThis.fetch
globalThis.fetch = async (input, init = {}) => {
  const url = typeof input === 'string' ? input : input instanceof URL ? input.href : input.url
  recordRequest(url, input instanceof Request ? { headers: input.headers, ...init } : init)
  const answer = await realFetch(input, init)
  if (answer.headers.get('content-type')?.includes('event-stream') !== true) await recordAnswer(answer.clone())
  return answer
}
