export { flagsConfig, flagsEnv } from './env.js'
export { Flags, type FlagsOptions, type FlagState } from './flags.js'
export {
  FLAGS,
  METRICS,
  type CallerFlagKey,
  type FlagKey,
  type FlagSpec,
  type FlagValue,
  type LastingFlagKey,
  type Metric,
} from './registry.js'
