import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AppError } from '@catamaran/platform'
import type { Config } from '../config.js'
import { LookUps } from './look-ups.js'

const SLOW = 0.000_001

const lookUpsOf = (apiKeys: Partial<Config['apiKeys']>): LookUps => {
  const plenty = { ratePerS: SLOW, burst: 1_000_000 }
  return new LookUps({ apiKeys: { lookUps: plenty, lookUpsPerAddress: plenty, lookUpsAtOnce: 1_000, ...apiKeys } } as Config)
}
const isLimited = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'request.rate-limited' && (error.details.retryAfterS ?? 0) > 0

describe('LookUps', () => {
  it('keeps half for keys that come back, so that a flood of new ones never locks them out', () => {
    const lookUps = lookUpsOf({ lookUps: { ratePerS: SLOW, burst: 10 } })
    let at = 0
    const random = (): void => lookUps.enter(`random ${++at}`, `address ${at}`)
    for (let count = 0; count < 5; count++) random()
    for (let count = 0; count < 1_000; count++) assert.throws(random, isLimited)
    assert.throws(() => lookUps.enter('new', 'somewhere'), isLimited)
    for (let count = 0; count < 1_000; count++) assert.throws(random, isLimited)
    lookUps.enter('new', 'somewhere')
    assert.throws(random, isLimited)
  })

  it('bounds each address by itself', () => {
    const lookUps = lookUpsOf({ lookUpsPerAddress: { ratePerS: SLOW, burst: 4 } })
    for (const key of ['a', 'b']) lookUps.enter(key, 'one')
    assert.throws(() => lookUps.enter('c', 'one'), isLimited)
    lookUps.enter('d', 'other')
    for (const key of ['e', 'f']) assert.throws(() => lookUps.enter(key, 'one'), isLimited)
    for (const key of ['c', 'e']) lookUps.enter(key, 'one')
    assert.throws(() => lookUps.enter('f', 'one'), isLimited)
  })

  it('lets only so many run at once', () => {
    const lookUps = lookUpsOf({ lookUpsAtOnce: 2 })
    for (const key of ['a', 'b']) lookUps.enter(key, 'one')
    assert.throws(() => lookUps.enter('c', 'one'), isLimited)
    lookUps.leave()
    lookUps.enter('c', 'one')
  })
})
