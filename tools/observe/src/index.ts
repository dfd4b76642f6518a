export { objectiveRules, OBJECTIVE_RULES } from './rules.js'
