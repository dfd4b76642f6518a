import { pathToFileURL } from 'node:url'
import type { FlagValue } from './flag-relay.js'
import { requireBuilt } from './services.js'

/** From the registry's own file: the door of libs/flags would load the SDK into this process for good. */
export async function flagDefaults(root: string): Promise<Record<string, FlagValue>> {
  const file = requireBuilt(root, 'libs/flags/dist/src/registry.js')
  const { FLAGS } = (await import(pathToFileURL(file).href)) as { FLAGS: Record<string, { default: FlagValue }> }
  return Object.fromEntries(Object.entries(FLAGS).map(([key, flag]) => [key, flag.default]))
}
