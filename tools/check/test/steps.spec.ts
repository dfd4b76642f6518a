import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FLAGS, METRICS } from '@catamaran/flags/registry'
import { runSteps, STEPS, type Step } from '../src/steps.js'
import { packageFiles, plant } from './planted.js'

const step = (name: string, run: Step['run']): Step => ({ name, says: '', run })

describe('the steps', () => {
  it('all run even when one fails, and the failed ones are told', async () => {
    const said: string[] = []
    const steps = [
      step('first', () => Promise.resolve('a.ts:1 is wrong')),
      step('second', () => Promise.reject(new Error('no such tool'))),
      step('third', () => Promise.resolve('')),
    ]
    const failed = await runSteps(steps, { root: '/', write: false }, (text) => said.push(text))
    assert.deepEqual(failed, ['first', 'second'])
    assert.match(said.join(''), /^failed first .*\n {2}a\.ts:1 is wrong$/m)
    assert.match(said.join(''), /^failed second .*\n {2}could not run: no such tool$/m)
    assert.match(said.join(''), /^ok +third/m)
  })

  it('that write are done before the others look', async () => {
    const order: string[] = []
    const done = (name: string, writes: boolean) => ({
      ...step(name, async () => {
        await new Promise((resolve) => setImmediate(resolve))
        order.push(name)
        return ''
      }),
      writes,
    })
    await runSteps([done('lint', false), done('format', true)], { root: '/', write: true }, () => {})
    assert.deepEqual(order, ['format', 'lint'])
  })

  it('that read the tree pass on a clean one and each refuse a planted fault', async () => {
    // The registry is this repository's own, so that a clean tree asks for every flag in it.
    const asking = [...Object.keys(FLAGS).map((key) => `flags.value('${key}')`), ...METRICS.map((metric) => `flags.track('${metric}')`)]
    const index = `import { flags } from './own.js'\n\n${asking.join('\n')}\n`
    const own = 'export const flags = { value: (key: string) => key, track: (metric: string) => metric }\n'
    const planted = plant({ ...packageFiles('libs/contracts'), 'libs/contracts/src/index.ts': index, 'libs/contracts/src/own.ts': own })
    const steps = STEPS.filter(({ name }) => name !== 'generated' && name !== 'format')
    assert.deepEqual(await runSteps(steps, { root: planted.root, write: false }, () => {}), [])
    const faults = [
      "import '@catamaran/contracts/dist/x.js'",
      "import 'pg'",
      `// FIX${'ME'}`,
      `// ${'oxlint'}-disable no-console`,
      'let a: any',
      "flags.value('nobody.declared.it')",
    ]
    planted.write('libs/contracts/src/a.ts', `${faults.join('\n')}\n`)
    planted.write('docker-compose.yml', 'services: { lonely: { image: a } }\n')
    const job = 'spec: { template: { metadata: { labels: {} }, spec: { containers: [] } } }'
    planted.write('deploy/helm/rendered/a.yaml', `kind: Job\nmetadata: { name: a }\n${job}\n`)
    const failed = await runSteps(steps, { root: planted.root, write: false }, () => {})
    assert.deepEqual(
      failed,
      steps.map(({ name }) => name),
    )
    planted.remove()
  })
})
