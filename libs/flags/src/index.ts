export { flagsConfig, flagsEnv } from './env.js'
export { Flags, type FlagContext, type FlagsOptions } from './flags.js'
export { FLAGS, type FlagKey, type FlagSpec, type FlagValue } from './registry.js'
