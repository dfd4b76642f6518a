import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { git, type Fault } from '../src/workspace.js'

const REPOSITORY = fileURLToPath(new URL('../../../..', import.meta.url))

type Dependencies = readonly string[]

/** A package's two files, as the checks want them: dependencies of ours are references too. */
export function packageFiles(dir: string, dependencies: Dependencies = [], devDependencies: Dependencies = []): Record<string, string> {
  const versions = (names: Dependencies) => Object.fromEntries(names.map((name) => [name, '*']))
  const up = '../'.repeat(dir.split('/').length)
  const ours = [...dependencies, ...devDependencies].filter((name) => name.startsWith('@catamaran/'))
  const references = ours.map((name) => ({ path: `${up}${folderOf(name)}` }))
  return {
    [`${dir}/package.json`]: JSON.stringify({
      name: `@catamaran/${dir.split('/').at(-1)}`,
      type: 'module',
      dependencies: versions(dependencies),
      devDependencies: versions(devDependencies),
    }),
    [`${dir}/tsconfig.json`]: JSON.stringify({ extends: `${up}tsconfig.base.json`, include: ['src', 'test'], references }),
  }
}

const folderOf = (name: string): string => {
  const last = name.replace('@catamaran/', '')
  return last === 'e2e' ? last : `${/-(service|gateway)$/.test(last) ? 'apps' : 'libs'}/${last}`
}

/** Makes a small workspace with these files in a temporary folder: a git work tree with the real configuration and node_modules. */
export function plant(files: Record<string, string>): { root: string; remove: () => void; write: (path: string, text: string) => void } {
  const root = mkdtempSync(join(tmpdir(), 'catamaran-check-'))
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  for (const path of ['.oxlintrc.json', '.oxfmtrc.json', 'tsconfig.base.json', '.gitignore', '.npmrc'])
    copyFileSync(join(REPOSITORY, path), join(root, path))
  symlinkSync(join(REPOSITORY, 'node_modules'), join(root, 'node_modules'))
  const packages = Object.keys(files).filter((path) => path.endsWith('/package.json'))
  write('tsconfig.json', JSON.stringify({ files: [], references: packages.map((path) => ({ path: dirname(path) })) }))
  for (const [path, text] of Object.entries(files)) write(path, text)
  execFileSync('git', ['init', '--quiet'], { cwd: root, stdio: 'ignore' })
  // The folder is a link here, which the pattern of .gitignore for a folder does not cover.
  write('.git/info/exclude', 'node_modules\n')
  return { root, write, remove: () => rmSync(root, { recursive: true, force: true }) }
}

/** Commits everything in a planted workspace. */
export function commit(root: string, message: string): void {
  git(root, 'add', '--all')
  git(
    root,
    '-c',
    'user.name=check',
    '-c',
    'user.email=check@catamaran.local',
    '-c',
    'commit.gpgsign=false',
    'commit',
    '--quiet',
    '-m',
    message,
  )
}

/** Faults as `path:line message`, for comparing. */
export const shown = (faults: readonly Fault[]): string[] =>
  faults.map(({ path, line, message }) => `${path}${line === undefined ? '' : `:${line}`} ${message}`)
