import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { containerSecrets } from '@catamaran/stack/container-keys'
import { parse } from 'yaml'
import type { z } from 'zod'
import { readText, type Fault, type Workspace } from './workspace.js'

const FILE = 'docker-compose.yml'
const EXAMPLE = '.env.example'
const OURS = /^catamaran\/([\w-]+):/

interface Container {
  readonly image?: string
  readonly restart?: string
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean }
  readonly cpus?: number
  readonly mem_limit?: string
  readonly pids_limit?: number
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly ports?: readonly string[]
  readonly environment?: Record<string, string | number | null>
  readonly depends_on?: Record<string, { readonly condition?: string }>
}

/** The configuration schema of a service, by its name; undefined for an image that is no service. */
export type SchemaOf = (name: string) => z.ZodType | undefined

/** The text with each variable at its default, and the names of the variables. */
function interpolate(text: string): { filled: string; names: string[] } {
  const names: string[] = []
  const innermost = /\$\{(\w+):-([^${}]*)\}/g
  let filled = text
  while (innermost.test(filled))
    filled = filled.replace(innermost, (_all, name: string, value: string) => {
      names.push(name)
      return value
    })
  return { filled, names: [...new Set(names)] }
}

/** What is wrong with how one container is run; `awaited` are the jobs whose end others wait for. */
function faultsOf(name: string, it: Container, awaited: ReadonlySet<string>): string[] {
  const isJob = it.restart === 'no'
  const isOurs = OURS.test(it.image ?? '')
  const rules: readonly (readonly [isRight: boolean, message: string])[] = [
    [/^[^:@\s]+:(?!latest$)[\w.-]+(@sha256:[0-9a-f]{64})?$/.test(it.image ?? ''), 'names no image with a tag that stays'],
    [it.restart !== undefined, 'has no restart policy'],
    [
      isJob || it.healthcheck?.test?.[0] === 'CMD' || (!isOurs && it.healthcheck?.disable === true),
      'has no health check that runs without a shell, nor is it an image of others with one disabled',
    ],
    [!isJob || awaited.has(name), 'is a job whose end nobody waits for: `up --wait` would fail at it'],
    [it.cpus !== undefined && it.mem_limit !== undefined && it.pids_limit !== undefined, 'lacks a limit: cpus, mem_limit, pids_limit'],
    [it.security_opt?.includes('no-new-privileges:true') ?? false, 'may gain privileges: no-new-privileges:true'],
    [!isOurs || (it.read_only === true && (it.cap_drop?.includes('ALL') ?? false)), 'is ours, so it needs read_only and cap_drop: [ALL]'],
    [(it.ports ?? []).every((port) => port.startsWith('127.0.0.1:')), 'publishes a port to more than 127.0.0.1'],
  ]
  return rules.filter(([isRight]) => !isRight).map(([, message]) => message)
}

/** The variables a service would refuse to start with. An empty one counts as missing, as in the service. */
function badVariables({ image = '', environment = {} }: Container, secrets: Record<string, Record<string, string>>, schemaOf: SchemaOf) {
  const service = OURS.exec(image)?.[1] ?? ''
  const given = Object.entries(environment).map(([name, value]) => [name, String(value ?? '')] as const)
  const env = { ...secrets[service], ...Object.fromEntries(given.filter(([, value]) => value !== '')) }
  const issues = schemaOf(service)?.safeParse(env).error?.issues ?? []
  return issues.map(({ path, message }) => `${path.join('.')}: ${path.join('.') in env ? message : 'is missing'}`)
}

/** What is wrong with a compose file, and where it and `.env.example` differ. */
export function composeFaults(text: string, example: string, schemaOf: SchemaOf): Fault[] {
  const { filled, names } = interpolate(text)
  const { services } = parse(filled, { merge: true }) as { services: Record<string, Container> }
  const waits = Object.values(services).flatMap(({ depends_on: needs = {} }) => Object.entries(needs))
  const awaited = new Set(waits.filter(([, { condition }]) => condition === 'service_completed_successfully').map(([name]) => name))
  const secrets = containerSecrets()
  const told = [...example.matchAll(/^(\w+)=/gm)].map(([, name = '']) => name)
  return [
    ...Object.entries(services).flatMap(([name, container]) =>
      [...faultsOf(name, container, awaited), ...badVariables(container, secrets, schemaOf)].map((message) => ({
        path: FILE,
        message: `${name} ${message}`,
      })),
    ),
    ...(filled.includes('${') ? [{ path: FILE, message: 'has a variable without a default: ${NAME:-default}' }] : []),
    ...names.filter((name) => !told.includes(name)).map((name) => ({ path: EXAMPLE, message: `lacks ${name}, which ${FILE} reads` })),
    ...told.filter((name) => !names.includes(name)).map((name) => ({ path: EXAMPLE, message: `has ${name}, which ${FILE} doesn't read` })),
  ]
}

/**
 * The configuration schema of each service among the files, by its name.
 * @throws Error when one is not built
 */
export async function readSchemas(root: string, files: readonly string[]): Promise<ReadonlyMap<string, z.ZodType>> {
  const services = files.filter((path) => /^apps\/[\w-]+\/src\/config\.ts$/.test(path)).map((path) => path.split('/')[1] ?? '')
  const read = services.map(async (service): Promise<[string, z.ZodType][]> => {
    const file = join(root, 'apps', service, 'dist/src/config.js')
    if (!existsSync(file)) throw new Error(`apps/${service} is not built: npm run build`)
    const { Config, schema = Config } = (await import(pathToFileURL(file).href)) as { Config?: z.ZodType; schema?: z.ZodType }
    return schema ? [[service, schema]] : []
  })
  return new Map((await Promise.all(read)).flat())
}

/** Every container is confined, limited, watched and given what its service's own schema requires. Needs the services built, and no Docker. */
export async function checkCompose({ root, files }: Workspace): Promise<Fault[]> {
  if (!files.includes(FILE)) return []
  const schemas = await readSchemas(root, files)
  return composeFaults(readText(root, FILE), files.includes(EXAMPLE) ? readText(root, EXAMPLE) : '', (name) => schemas.get(name))
}
