import { isBuiltin } from 'node:module'
import { posix } from 'node:path'
import { packageOf } from './imports.js'
import { readJson, type Fault, type Manifest, type Package, type Workspace } from './workspace.js'

interface TsConfig {
  readonly references?: readonly { readonly path: string }[]
}

const referencesOf = (root: string, dir: string): string[] =>
  (readJson<TsConfig>(root, posix.join(dir, 'tsconfig.json')).references ?? []).map(({ path }) => posix.join(dir, path))

/** Incremental builds rebuild along the references, so they must say what the packages say. */
function checkReferences({ root, files, packages }: Workspace, { dir, manifest }: Package): Fault[] {
  const path = `${dir}/tsconfig.json`
  if (!files.includes(path)) return [{ path: dir, message: 'has sources but no tsconfig.json' }]
  const depends = { ...manifest.dependencies, ...manifest.devDependencies }
  const wanted = packages.filter(({ manifest: { name } }) => name in depends).map((other) => other.dir)
  const found = referencesOf(root, dir)
  const to = (other: string) => posix.relative(dir, other)
  return [
    ...wanted
      .filter((other) => !found.includes(other))
      .map((other) => ({ path, message: `lacks the reference { "path": "${to(other)}" }: package.json depends on it` })),
    ...found
      .filter((other) => !wanted.includes(other))
      .map((other) => ({
        path,
        message: `has the reference "${to(other)}", but package.json doesn't depend on it: add it there or drop it here`,
      })),
  ]
}

function checkDependencies({ manifest, sources, dir }: Package): Fault[] {
  const { name, dependencies = {}, optionalDependencies = {}, devDependencies = {} } = manifest
  return sources.flatMap((source) =>
    source.imports.flatMap(({ specifier, line }) => {
      const wanted = packageOf(specifier)
      if (wanted === undefined || wanted === name || isBuiltin(specifier)) return []
      if (wanted in dependencies || wanted in optionalDependencies) return []
      if (wanted in devDependencies) {
        if (source.isTest) return []
        return [{ path: source.path, line, message: `imports ${wanted}, which is only a devDependency of ${dir}: move it to dependencies` }]
      }
      return [{ path: source.path, line, message: `imports ${wanted}, which is not in ${dir}/package.json` }]
    }),
  )
}

const GROUPS = ['dependencies', 'devDependencies', 'optionalDependencies'] as const

/** `npm ci` refuses a lock file that is older than a manifest: better here, and with the way out. */
function checkLock({ root, files, packages }: Workspace): Fault[] {
  const path = 'package-lock.json'
  if (!files.includes(path)) return []
  const locked = readJson<{ packages: Record<string, Partial<Manifest>> }>(root, path).packages
  const list = (of: Partial<Manifest> | undefined) =>
    GROUPS.flatMap((group) => Object.entries(of?.[group] ?? {}).map(([name, version]) => `${group} ${name}@${version}`))
      .toSorted((a, b) => (a < b ? -1 : 1))
      .join()
  return packages
    .filter(({ dir, manifest }) => list(locked[dir]) !== list(manifest))
    .map(({ dir }) => ({ path, message: `has other dependencies of ${dir} than its package.json: run npm install` }))
}

/** Packages, their tsconfig references, their imports and the lock file agree. */
export function checkPackages(workspace: Workspace): Fault[] {
  const built = referencesOf(workspace.root, '.')
  const withSources = workspace.packages.filter(({ sources }) => sources.length > 0)
  return [
    ...withSources
      .filter(({ dir }) => !built.includes(dir))
      .map(({ dir }) => ({ path: 'tsconfig.json', message: `doesn't reference ${dir}: it would not be built` })),
    ...built
      .filter((dir) => !workspace.packages.some((found) => found.dir === dir))
      .map((dir) => ({ path: 'tsconfig.json', message: `references ${dir}, which is no package` })),
    ...withSources.flatMap((found) => checkReferences(workspace, found)),
    ...workspace.packages.flatMap(checkDependencies),
    ...checkLock(workspace),
  ]
}
