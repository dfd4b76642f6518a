import { appendFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a run of `npm test` keeps for its end: the logs of all services, and what must not stand in them. Undefined outside a run. */
const runFolder = (): string | undefined => process.env['TEST_RUN_DIR'] // the one way from the launcher into a test process

/** Where services under test write their log, so that the run can search it; silent outside a run. For the environment of a service. */
export const testLogging = (): Record<string, string> => {
  const folder = runFolder()
  return folder === undefined ? { LOG_LEVEL: 'silent' } : { LOG_LEVEL: 'debug', LOG_FILE: join(folder, 'logs', `${process.pid}.log`) }
}

/** Keeps what a service wrote by another way among the logs of the run. */
export const keepLog = (name: string, text: string): void => {
  const folder = runFolder()
  if (folder !== undefined) appendFileSync(join(folder, 'logs', `${name}.log`), text)
}

/** Shorter ones (a six-digit code) stand in a log by chance. */
const LEAST_LENGTH = 12
const recorded = new Set<string>()

/**
 * Tells the run a secret that a test uses: at the end no log may hold it. Passwords, tokens, keys, codes, cookies and links that pass through
 * `fetch` or `Browser` are recorded by themselves; call it for what goes another way. @param kind what it is, for the report, which never shows it
 */
export const recordSecret = (kind: string, value: string): void => {
  const folder = runFolder()
  if (folder === undefined || value.length < LEAST_LENGTH || value.includes('\n') || recorded.has(value)) return
  recorded.add(value)
  appendFileSync(join(folder, 'secrets.txt'), `${kind}\t${value}\n`)
}

/** The `code` of a problem or of the payment provider's refusal: words, which is no secret. */
const ERROR_CODE = /^[a-z]+([._-][a-z]+)*$/
const SECRET_NAME =
  /^(password|current_?password|new_?password|token|(access|refresh|id)_?token|id_token_hint|code|code_verifier|client_secret|client_assertion|secret|secrets|key|recovery_?codes?|uri|email)$/i

/** Records what in a form, a query or a JSON document has a secret's name, and the tokens of links. */
export const recordFields = (fields: unknown, name = ''): void => {
  if (Array.isArray(fields)) for (const each of fields) recordFields(each, name)
  else if (typeof fields === 'object' && fields !== null) for (const [key, value] of Object.entries(fields)) recordFields(value, key)
  else if (typeof fields === 'string') {
    if (SECRET_NAME.test(name) && !(name === 'code' && ERROR_CODE.test(fields))) recordSecret(name, fields)
    for (const [, token = ''] of fields.matchAll(/[?&](?:token|code)=([\w.-]+)/g)) recordSecret('link', token)
  }
}

/** Records the values of cookies, as `Set-Cookie` or `Cookie` has them. */
export const recordCookies = (lines: readonly string[]): void => {
  for (const line of lines) {
    const [pair = ''] = line.split(';')
    recordSecret('cookie', pair.slice(pair.indexOf('=') + 1))
  }
}
