import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FlagSpec } from '@catamaran/flags/registry'
import { checkFlags, type Registry } from '../src/flags.js'
import { readWorkspace } from '../src/workspace.js'
import { packageFiles, plant, shown } from './planted.js'

const spec = (more: Partial<FlagSpec> = {}): FlagSpec => ({
  ...{ kind: 'kill-switch', default: true, type: 'boolean', owner: 'core', reviewBy: '2027-03-01', description: '' },
  ...more,
})
const FIRST: Registry = { flags: { 'a.first': spec() }, metrics: [] }
const ASKING = "if (this.flags.value('a.first')) go()\n"

/** What the check says of a service with this source, and what it notes. */
function checked(source: string, registry: Registry = FIRST, day = '2027-01-01T12:00:00Z'): { faults: string[]; notes: string[] } {
  const planted = plant({
    ...packageFiles('apps/core-service'),
    'apps/core-service/src/a.ts': source,
    'apps/core-service/test/a.spec.ts': "flags.value('only.in.a.test')\n",
  })
  const notes: string[] = []
  try {
    const faults = checkFlags(readWorkspace(planted.root), (text) => notes.push(text), new Date(day), registry)
    return { faults: shown(faults), notes }
  } finally {
    planted.remove()
  }
}

describe('flags', () => {
  it('pass when what is asked for is declared, and what is declared is asked for', () => {
    const experiment: Registry = {
      flags: { ...FIRST.flags, 'b.second': spec({ kind: 'experiment', metric: 'order.placed' }) },
      metrics: ['order.placed'],
    }
    const source = `${ASKING}await flags.forCaller('b.second')\nthis.flags.track('order.placed')\n`
    assert.deepEqual(checked(source, experiment), { faults: [], notes: [] })
  })

  it('are refused when they are asked for without being declared, or not by name', () => {
    const { faults } = checked(`${ASKING}flags.forCaller('b.second' as never)\nflags.value('c.third')\nflags.value(key)\n`)
    assert.deepEqual(faults, [
      'apps/core-service/src/a.ts:2 a flag is named where it is asked for, as a literal, so that it is found when it goes',
      'apps/core-service/src/a.ts:3 the flag c.third is not declared in libs/flags/src/registry.ts',
      'apps/core-service/src/a.ts:4 a flag is named where it is asked for, as a literal, so that it is found when it goes',
    ])
  })

  it('are refused when nobody asks for them, also where only a test does', () => {
    const { faults } = checked('export {}\n', { flags: { 'a.first': spec(), 'only.in.a.test': spec() }, metrics: ['order.placed'] })
    assert.deepEqual(faults, [
      'libs/flags/src/registry.ts nothing asks for the flag a.first: remove it, or use it',
      'libs/flags/src/registry.ts nothing asks for the flag only.in.a.test: remove it, or use it',
      'libs/flags/src/registry.ts nothing tells of the metric order.placed: remove it, or use it',
      'libs/flags/src/registry.ts no experiment is judged by the metric order.placed: remove it, or use it',
    ])
  })

  it('are refused as experiments without a metric', () => {
    const { faults } = checked(ASKING, { flags: { 'a.first': spec({ kind: 'experiment' }) }, metrics: [] })
    assert.match(faults.join('\n'), /^libs\/flags\/src\/registry\.ts the experiment a\.first has no metric/)
  })

  it('are told of once their review day is past, and refused 30 days later', () => {
    const on = (day: string) => checked(ASKING, FIRST, day)
    assert.deepEqual(on('2027-03-01T20:00:00Z'), { faults: [], notes: [] })
    for (const day of ['2027-03-02T00:00:01Z', '2027-03-31T23:59:00Z']) {
      const { faults, notes } = on(day)
      assert.deepEqual(faults, [])
      assert.match(notes.join('\n'), /^flags: a\.first was to be reviewed by 2027-03-01 \(core\)/)
    }
    const late = on('2027-04-01T00:00:01Z')
    assert.match(late.faults.join('\n'), /^libs\/flags\/src\/registry\.ts a\.first was to be reviewed by 2027-03-01 \(core\)/)
    assert.deepEqual(late.notes, [])
    const never = checked(ASKING, { flags: { 'a.first': spec({ reviewBy: '2027-13-01' }) }, metrics: [] })
    assert.match(never.faults.join('\n'), /no day/)
  })
})
