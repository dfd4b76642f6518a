export { pssOf, processTree } from './memory.js'
export type { RunningEngines, RunningEnginesOnly, RunningService, RunningSystem } from './running-system.js'
export { findSystem, startEngines, startSystem, type Started, type StartOptions } from './start-system.js'
