import { env } from '@catamaran/platform'

/** Environment variables of the flag provider, for a service's configuration schema. */
export const flagsEnv = { FLAGS_SDK_KEY: env.text, FLAGS_URL: env.url.optional() }

/** The same, nested for the constructor of `Flags`. */
export const flagsConfig = (flat: { FLAGS_SDK_KEY: string; FLAGS_URL?: string | undefined }) => ({
  sdkKey: flat.FLAGS_SDK_KEY,
  url: flat.FLAGS_URL,
})
