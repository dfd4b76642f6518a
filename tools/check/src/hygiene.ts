import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Fault, Workspace } from './workspace.js'

const LOCK = 'package-lock.json'

/** What no tracked file may hold. Written so that no pattern matches itself. */
const FORBIDDEN: readonly { pattern: RegExp; message: string; but?: RegExp }[] = [
  {
    pattern:
      /\b(registry\.(npmjs|yarnpkg|npmmirror)\.|(files\.)?pypi\.org|pythonhosted\.org|repo1?\.maven\.|proxy\.golang\.|registry-1\.docker\.)/,
    message: "names a registry's host: the package clients know theirs",
  },
  {
    pattern: /(?<![\w.~$}/:-])\/(root|work|home|Users)\/[\w.]/,
    message: 'holds a path of one machine: make it relative, or read it from the configuration',
  },
  { pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----/, message: 'holds a private key: make it at run time' },
  { pattern: /"d"\s*:\s*"[\w-]{40,}"/, message: 'holds a private JWK: make it at run time' },
  {
    pattern: /\b(AKIA[0-9A-Z]{16}|ghp_\w{36}|npm_\w{36}|cat_live_\w+_\w{16,})\b/,
    message: 'holds a secret: read it from the configuration',
  },
  { pattern: /\b(TO(?:DO)|FIX(?:ME))\b/, message: 'leaves work for later: do it, or make an issue of it', but: /^package-lock\.json$/ },
]

function checkFile(path: string, text: string, registry: string | undefined): Fault[] {
  const rules = FORBIDDEN.filter(({ but }) => !but?.test(path))
  return text.split('\n').flatMap((content, index) => {
    const line = index + 1
    const faults: Fault[] = rules.filter(({ pattern }) => pattern.test(content)).map(({ message }) => ({ path, line, message }))
    if (registry && content.includes(registry)) faults.push({ path, line, message: "names this machine's own package registry" })
    if (path === LOCK && /"resolved": "(https?|git|file):/.test(content))
      faults.push({ path, line, message: 'records a download address: .npmrc has omit-lockfile-registry-resolved, run npm install' })
    return faults
  })
}

/**
 * No host of a registry, path of a machine, private key or unfinished work in any file that is or would be tracked.
 * `registry` is the address npm is set to on this machine, whose host must not leak either.
 */
export function checkHygiene({ root, files }: Workspace, registry?: string): Fault[] {
  const host = registry && URL.canParse(registry) ? new URL(registry).host : ''
  return files.flatMap((path) => {
    const bytes = readFileSync(join(root, path))
    return bytes.includes(0) ? [] : checkFile(path, bytes.toString('utf8'), host.includes('.') ? host : undefined)
  })
}
