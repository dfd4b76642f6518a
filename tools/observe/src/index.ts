export { readObjectives, type Objective } from './objectives.js'
export { alertOf, objectiveRules, OBJECTIVE_RULES } from './rules.js'
export { dashboards } from './dashboards.js'
