export { testEngines, type Engines } from './engines.js'
export { testScope, type TestScope } from './scope.js'
export { until, type UntilOptions } from './until.js'
