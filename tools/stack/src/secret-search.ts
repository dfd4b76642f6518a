import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** A secret that a log holds: what it is, and where. Never the secret itself. */
export interface Find {
  readonly kind: string
  readonly place: string
}

/** So many characters are looked up at each place of a text; what matches there is compared whole. */
const HEAD = 12
const MOST_TOLD = 20

/** A JWT is a secret without its signature too: nobody may log two thirds of one. */
const partsOf = (secret: string): string[] =>
  /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/.test(secret) ? [secret.slice(secret.indexOf('.') + 1)] : [secret]

/** Lines are JSON, where some characters are escaped. */
const escaped = (secret: string): string => JSON.stringify(secret).slice(1, -1)

/**
 * Searches the logs of a run (`logs` under the folder) for every secret of `secrets.txt` (`kind<TAB>secret` a line), of at least twelve characters,
 * also in the encoding of URLs. Tells the first twenty finds, one a file and kind.
 */
export function findSecrets(folder: string): Find[] {
  const list = join(folder, 'secrets.txt')
  if (!existsSync(list)) return []
  const byHead = new Map<string, { kind: string; secret: string }[]>()
  const forms = new Map<string, string>()
  for (const line of new Set(readFileSync(list, 'utf8').split('\n'))) {
    const [kind = '', secret = ''] = line.split('\t')
    for (const part of partsOf(secret))
      for (const form of [escaped(part), encodeURIComponent(part)]) if (form.length >= HEAD) forms.set(form, kind)
  }
  for (const [secret, kind] of forms) {
    const head = secret.slice(0, HEAD)
    byHead.set(head, [...(byHead.get(head) ?? []), { kind, secret }])
  }
  const logs = join(folder, 'logs')
  const files = readdirSync(logs, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const found = files.flatMap(({ parentPath, name }) => searchFile(join(parentPath, name), relative(logs, join(parentPath, name)), byHead))
  return found.slice(0, MOST_TOLD)
}

function searchFile(path: string, name: string, byHead: ReadonlyMap<string, readonly { kind: string; secret: string }[]>): Find[] {
  const text = readFileSync(path, 'utf8')
  const found = new Map<string, Find>()
  for (let at = 0; at + HEAD <= text.length; at++) {
    const candidates = byHead.get(text.slice(at, at + HEAD))
    const hit = candidates?.find(({ secret }) => text.startsWith(secret, at))
    if (hit === undefined || found.has(hit.kind)) continue
    const start = text.lastIndexOf('\n', at) + 1
    // What stands before it says which line it is; whatever there could be a secret too is left out.
    const before = text.slice(Math.max(start, at - 80), at).replace(/[\w.+/=~-]{12,}/g, '…')
    found.set(hit.kind, { kind: hit.kind, place: `${name}:${text.slice(0, at).split('\n').length} after ${before}` })
  }
  return [...found.values()]
}
