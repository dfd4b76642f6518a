export { audit, INVARIANTS, told, type Report } from './audit.js'
export { checkChains } from './chain.js'
export { openBooks, type Arrival, type Books, type Finding, type Movement, type PublishedEvent, type Query } from './books.js'
export type { KeyRecord } from './keys.js'
