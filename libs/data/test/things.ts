import { createHash } from 'node:crypto'
import type { IdempotentRequest } from '@catamaran/platform'
import type { Queryable } from '../src/database.js'

/** A request as the decorator makes it; `replays` counts how often its answer was an earlier one. */
export const requestOf = (key: string | undefined, { body = 'a', caller = 'usr_1', operation = 'POST /v1/things' } = {}) => {
  const request = {
    ...{ key, caller, operation, replays: 0 },
    hash: createHash('sha256').update(body).digest(),
    markReplayed: () => void request.replays++,
  }
  return request satisfies IdempotentRequest
}

export interface Thing {
  readonly id: string
  readonly name: string
}

/** The effect: one row more, with an id that is another each time. */
export const makeThing = async (tx: Queryable, name: string): Promise<Thing> => {
  const insert = { name: 'thing.insert', text: 'insert into thing (name) values ($1) returning id::text, name' }
  return (await tx.query<Thing>(insert, [name]))[0] as Thing
}
