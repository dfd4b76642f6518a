import { basename, posix } from 'node:path'
import { packageOf, type Import } from './imports.js'
import type { Fault, Package, Source, Workspace } from './workspace.js'

/** Which libs a lib may import; a new lib takes its place here. Only tests, testing itself, tools and e2e import testing. */
const LIB_MAY_IMPORT: Record<string, readonly string[]> = {
  contracts: [],
  platform: ['contracts'],
  data: ['contracts', 'platform'],
  messaging: ['contracts', 'platform', 'data'],
  flags: ['contracts', 'platform'],
  // What partners install: it needs nothing of ours.
  sdk: [],
  // Not messaging, whose own tests use it.
  testing: ['contracts', 'platform', 'data', 'flags'],
}

const CLIENTS = /^(@catamaran\/(data|messaging)|pg|ioredis|kafkajs|@aws-sdk\/.+)$/
const HTTP = /^(fastify|@nestjs\/platform-fastify)$/

/** The roles in a service, by the ending of the file's name, and what each leaves to others. */
const ROLES: readonly { files: RegExp; not: RegExp; typesToo: boolean; message: string }[] = [
  {
    files: /\.(controller|consumer)\.ts$/,
    not: /\.(repository|sql)\.js$/,
    typesToo: true,
    message: 'a controller or consumer asks a service, not a repository or SQL',
  },
  {
    files: /\.(controller|consumer)\.ts$/,
    not: CLIENTS,
    typesToo: false,
    message: 'a controller or consumer holds no client of a store or broker',
  },
  { files: /\.service\.ts$/, not: /\.(controller|consumer)\.js$/, typesToo: true, message: 'a service knows no controller or consumer' },
  { files: /\.service\.ts$/, not: HTTP, typesToo: true, message: 'a service knows no HTTP type: the controller translates' },
  { files: /\.service\.ts$/, not: /\.sql\.js$/, typesToo: true, message: 'a service asks a repository, it holds no SQL' },
  {
    files: /\.repository\.ts$/,
    not: /\.(service|controller|consumer)\.js$/,
    typesToo: true,
    message: 'a repository knows no service, controller or consumer',
  },
]

function checkRoles(source: Source, { specifier, line, isType }: Import): Fault[] {
  return ROLES.filter(
    ({ files, not, typesToo }) => files.test(source.path) && not.test(packageOf(specifier) ?? specifier) && (typesToo || !isType),
  ).map(({ message }) => ({ path: source.path, line, message: `imports ${specifier}: ${message}` }))
}

/** Why a package may not import another of ours; undefined when it may. */
function refusal(from: Package, to: Package, source: Source): string | undefined {
  const lib = basename(to.dir)
  if (to.kind === 'apps') return `no package imports an app: call it through its API, or move what is shared to a lib`
  if (to.kind === 'e2e') return 'nothing imports e2e'
  if (from.kind === 'e2e') return undefined
  if (from.kind === 'tools') return to.kind === 'sandbox' ? 'a tool starts the sandbox, it does not import it' : undefined
  if (to.kind !== 'libs') return `a package under ${from.kind} imports libs only`
  if (lib === 'testing' && !source.isTest) return 'testing is for tests'
  if (from.kind !== 'libs') return undefined
  const allowed = LIB_MAY_IMPORT[basename(from.dir)]
  if (!allowed) return 'this lib has no place in the order of libs yet: give it one in tools/check/src/layers.ts'
  if (source.isTest && lib === 'testing') return undefined
  return allowed.includes(lib) ? undefined : `${basename(from.dir)} may import ${allowed.join(', ') || 'nothing of ours'}`
}

function checkImport(workspace: Workspace, from: Package, source: Source, found: Import): Fault[] {
  const fault = (message: string): Fault[] => [{ path: source.path, line: found.line, message: `imports ${found.specifier}: ${message}` }]
  if (found.specifier.startsWith('.')) {
    const target = posix.join(posix.dirname(source.path), found.specifier)
    return target.startsWith(`${from.dir}/`) ? [] : fault('reach another package by its name')
  }
  const to = workspace.packages.find(({ manifest }) => manifest.name === packageOf(found.specifier))
  if (!to) return []
  const doors = Object.keys(to.manifest.exports ?? {}).map((door) => to.manifest.name + door.slice(1))
  if (found.specifier !== to.manifest.name && !doors.includes(found.specifier))
    return fault(`import from ${to.manifest.name} itself: what it doesn't export is its own affair`)
  if (to === from) return []
  const why = refusal(from, to, source)
  return why === undefined ? [] : fault(why)
}

/** Imports go one way: app → lib, lib → lower lib, controller → service → repository. */
export function checkLayers(workspace: Workspace): Fault[] {
  return workspace.packages.flatMap((from) =>
    from.sources.flatMap((source) =>
      source.imports.flatMap((found) => [
        ...checkImport(workspace, from, source, found),
        ...(from.kind === 'apps' && !source.isTest ? checkRoles(source, found) : []),
      ]),
    ),
  )
}
