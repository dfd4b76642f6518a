import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readImports, type Import } from './imports.js'
import ts from 'typescript'

/** Something a check refuses: where, and what to do about it. */
export interface Fault {
  readonly path: string
  readonly line?: number
  readonly message: string
}

export interface Source {
  readonly path: string
  readonly text: string
  readonly ast: ts.SourceFile
  readonly imports: readonly Import[]
  /** Specs and what only they use: everything under a `test` folder, and e2e as a whole. */
  readonly isTest: boolean
}

export type Kind = 'libs' | 'apps' | 'sandbox' | 'tools' | 'e2e'

export interface Manifest {
  readonly name: string
  readonly exports?: Record<string, unknown>
  readonly dependencies?: Record<string, string>
  readonly devDependencies?: Record<string, string>
  readonly optionalDependencies?: Record<string, string>
}

export interface Package {
  readonly dir: string
  readonly kind: Kind
  readonly manifest: Manifest
  readonly sources: readonly Source[]
}

/** Everything the checks look at, read once. Paths are from the root, with slashes. */
export interface Workspace {
  readonly root: string
  readonly files: readonly string[]
  readonly packages: readonly Package[]
}

const PACKAGE = /^(?:(libs|apps|sandbox|tools)\/[^/]+|(e2e))\/package\.json$/

/** Git as the checks call it: also in a clone that belongs to another user, as in a container. */
export const git = (root: string, ...args: string[]): string =>
  execFileSync('git', ['-c', 'safe.directory=*', ...args], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  })

export const readText = (root: string, path: string): string => readFileSync(join(root, path), 'utf8')

/** A tsconfig.json or package.json; comments are allowed in the first. */
export function readJson<T>(root: string, path: string): T {
  const { config, error } = ts.parseConfigFileTextToJson(path, readText(root, path)) as { config: T; error?: ts.Diagnostic }
  if (error) throw new Error(`${path}: ${ts.flattenDiagnosticMessageText(error.messageText, ' ')}`)
  return config
}

function readSource(root: string, path: string): Source {
  const text = readText(root, path)
  const ast = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const isTest = path.startsWith('e2e/') || path.endsWith('.spec.ts') || /^[^/]+\/[^/]+\/test\//.test(path)
  return { path, text, ast, imports: readImports(ast), isTest }
}

/** Reads the packages and sources under `root`: what git tracks, and what it would track if it were added. */
export function readWorkspace(root: string): Workspace {
  const listed = git(root, 'ls-files', '-z', '--cached', '--others', '--exclude-standard').split('\0')
  // The charts hold each other by links.
  const isFile = (path: string) => existsSync(join(root, path)) && lstatSync(join(root, path)).isFile()
  const files = [...new Set(listed)].filter((path) => path !== '' && isFile(path)).toSorted()
  const packages = files.flatMap((path) => {
    const match = PACKAGE.exec(path)
    if (!match) return []
    const dir = dirname(path)
    const sources = files.filter((file) => file.startsWith(`${dir}/`) && file.endsWith('.ts') && !file.endsWith('.d.ts'))
    return [
      {
        dir,
        kind: (match[1] ?? match[2]) as Kind,
        manifest: readJson<Manifest>(root, path),
        sources: sources.map((file) => readSource(root, file)),
      },
    ]
  })
  return { root, files, packages }
}
