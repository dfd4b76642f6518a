import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Document } from './complete.js'

export const SDK_TYPES = 'libs/sdk/src/api.ts'

/** The SDK has it as a devDependency, beside the TypeScript that it asks for. */
const GENERATOR = fileURLToPath(new URL('../../../../libs/sdk/node_modules/openapi-typescript/bin/cli.js', import.meta.url))

/** The operations that take an Idempotency-Key, as the SDK knows them while it runs. */
const keyedOf = ({ paths }: Document): string[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { parameters = [] }]) => parameters.some(({ name }) => name === 'Idempotency-Key'))
      .map(([method]) => `${method.toUpperCase()} ${path}`),
  )

/** The SDK's types of an OpenAPI document, made by openapi-typescript, and what it must know while it runs. */
export const sdkTypesOf = async (openApi: string): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'catamaran-sdk-'))
  try {
    const [source, target] = [join(folder, 'openapi.json'), join(folder, 'api.ts')]
    await writeFile(source, openApi)
    await promisify(execFile)(process.execPath, [GENERATOR, source, '-o', target], { timeout: 120_000 })
    const keyed = keyedOf(JSON.parse(openApi) as Document).map((operation) => `  '${operation}',\n`)
    return `${await readFile(target, 'utf8')}\n/** What takes an Idempotency-Key. */\nexport const KEYED: readonly string[] = [\n${keyed.join('')}]\n`
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
