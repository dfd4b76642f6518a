import assert from 'node:assert/strict'
import { test } from 'node:test'
import { told } from '@catamaran/audit'
import { storm } from './storm/storm.js'

const SEED = 5

test(`ten rounds of a storm (seed ${SEED}): parts are killed and paused under load, nothing is lost, doubled, oversold or told to a stranger`, async () => {
  const { witness, report } = await storm({ rounds: 10, seed: SEED })
  assert.deepEqual(report.findings, [], told(report))
  assert.deepEqual(witness.breaches, [])
  assert.equal(report.stuck, 0, told(report))
  assert.ok(witness.of('kills') > 0, 'something was killed')
  assert.ok(report.orders > 0 && report.events > report.orders && report.movements > 0 && report.delivered > 0, told(report))
})
