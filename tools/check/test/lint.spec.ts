import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { format, lint, runTool } from '../src/oxc.js'
import { packageFiles, plant } from './planted.js'

/** A fault each: the file, the rule that must refuse it and the text. */
const FAULTS: readonly [string, string, string][] = [
  ['libs/data/src/floating.ts', 'no-floating-promises', 'const work = async () => 1\nwork()\n'],
  ['libs/data/src/misused.ts', 'no-misused-promises', 'export const act = () => [1].forEach(async () => { await Promise.resolve() })\n'],
  ['libs/data/src/awaited.ts', 'await-thenable', 'export const act = async () => { await 3 }\n'],
  ['libs/data/src/any.ts', 'no-explicit-any', 'export const x: any = 3\n'],
  ['libs/data/src/unused.ts', 'no-unused-vars', "import { join } from 'node:path'\n"],
  ['libs/data/src/ignore.ts', 'ban-ts-comment', '// @ts-ignore\nexport const x: string = 3\n'],
  ['libs/data/src/log.ts', 'no-console', "console.log('here')\n"],
  ['apps/core-service/src/log.ts', 'no-console', "console.error('here')\n"],
  ['apps/core-service/src/env.ts', 'no-process-env', "export const port = process.env['PORT']\n"],
  ['sandbox/psp/src/env.ts', 'no-process-env', "export const port = process.env['PORT']\n"],
  [
    'apps/core-service/src/orders/orders.service.ts',
    "'NotFoundException' import from '@nestjs/common'",
    "import { NotFoundException } from '@nestjs/common'\nexport const act = () => { throw new NotFoundException() }\n",
  ],
  ['apps/core-service/src/flag.ts', "'@launchdarkly/node-server-sdk' import", "export { init } from '@launchdarkly/node-server-sdk'\n"],
  ['tools/seed/src/flag.ts', "'@launchdarkly/node-server-sdk' import", "export { init } from '@launchdarkly/node-server-sdk'\n"],
  ['libs/data/src/long.ts', 'too many lines', 'export const x = 1\n'.repeat(1) + '// more\n'.repeat(300)],
  ['libs/data/src/tall.ts', 'too many lines (52)', `export const act = () => {\n${'  void 0\n'.repeat(50)}}\n`],
  [
    'libs/data/src/wide.ts',
    'too many parameters (8)',
    `export class Wide {\n  constructor(${'abcdefgh'
      .split('')
      .map((name) => `readonly ${name}: number`)
      .join(', ')}) {}\n}\n`,
  ],
  ['libs/data/src/one.ts', 'Dependency cycle', "import { two } from './two.js'\nexport const one = () => two()\n"],
]

/** Nothing is wrong with these. */
const FINE: Record<string, string> = {
  'libs/data/src/two.ts': "import { one } from './one.js'\nexport const two = (): unknown => one()\n",
  'libs/flags/src/flags.ts': "export { init } from '@launchdarkly/node-server-sdk'\n",
  'apps/core-service/src/main.ts': "export const port = process.env['PORT']\n",
  'apps/core-service/src/migrate.ts': "export const port = process.env['PORT']\n",
  'apps/core-service/src/app.module.ts': "export { Module } from '@nestjs/common'\n",
  'libs/data/test/data.spec.ts': `import { test } from 'node:test'\ntest('reads', async () => {\n${'  await Promise.resolve()\n'.repeat(60)}})\n`,
  'tools/seed/src/main.ts': "console.log(process.env['HOME'])\n",
}

const PACKAGES = ['libs/data', 'libs/flags', 'apps/core-service', 'sandbox/psp', 'tools/seed']

describe('the lint', () => {
  let planted: ReturnType<typeof plant>
  let found: { file: string; text: string }[]

  before(async () => {
    planted = plant({
      ...Object.assign({}, ...PACKAGES.map((dir) => packageFiles(dir))),
      ...FINE,
      ...Object.fromEntries(FAULTS.map(([path, , text]) => [path, text])),
    } as Record<string, string>)
    const printed = (await runTool(planted.root, 'oxlint', ['--type-aware', '--deny-warnings', '--format=unix'])) ?? ''
    found = printed.split('\n').map((line) => ({ file: line.split(':')[0] ?? '', text: line }))
  })
  after(() => planted.remove())

  for (const [path, rule] of FAULTS) {
    it(`refuses ${path} with "${rule}"`, () => {
      const texts = found.filter(({ file }) => file === path).map(({ text }) => text)
      assert.ok(
        texts.some((text) => text.includes(rule)),
        `found instead: ${texts.join('; ') || 'nothing'}`,
      )
    })
  }

  it('lets pass what is right in its place', () => {
    const files = Object.keys(FINE).filter((path) => !path.endsWith('/two.ts'))
    assert.deepEqual(
      found.filter(({ file }) => files.includes(file)),
      [],
    )
  })

  it('says what is wrong, and nothing when all is well', async () => {
    assert.match((await lint(planted.root)) ?? '', /Promises must be awaited/)
    const clean = plant({ ...packageFiles('libs/data'), 'libs/data/src/fine.ts': 'export const one = 1\n' })
    assert.equal(await lint(clean.root), undefined)
    clean.remove()
  })
})

describe('the format', () => {
  it('is refused when it is not what oxfmt makes, and mended on demand', async () => {
    const planted = plant({ 'libs/data/src/a.ts': 'export const a = "x";\n' })
    assert.match((await format(planted.root, false)) ?? '', /libs\/data\/src\/a\.ts/)
    assert.equal(await format(planted.root, true), undefined)
    assert.equal(await format(planted.root, false), undefined)
    planted.remove()
  })
})
