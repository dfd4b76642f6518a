import assert from 'node:assert/strict'
import { symlinkSync } from 'node:fs'
import { join as pathOf } from 'node:path'
import { describe, it } from 'node:test'
import { checkHygiene } from '../src/hygiene.js'
import { checkLayers } from '../src/layers.js'
import { checkPackages } from '../src/packages.js'
import { checkSources } from '../src/source-rules.js'
import { readWorkspace, type Fault, type Workspace } from '../src/workspace.js'
import { packageFiles, plant, shown } from './planted.js'

/** What a check finds in a workspace of these files. */
function faultsOf(check: (workspace: Workspace) => Fault[], files: Record<string, string>): string[] {
  const planted = plant(files)
  try {
    return shown(check(readWorkspace(planted.root)))
  } finally {
    planted.remove()
  }
}

function refused(faults: string[], ...patterns: RegExp[]): void {
  assert.equal(faults.length, patterns.length, faults.join('\n') || 'nothing was refused')
  patterns.forEach((pattern, index) => assert.match(faults[index] ?? '', pattern))
}

describe('packages', () => {
  const data = { ...packageFiles('libs/data', ['@catamaran/contracts', 'zod'], ['fast-check']), 'libs/data/src/index.ts': '' }
  const contracts = { ...packageFiles('libs/contracts'), 'libs/contracts/src/index.ts': '' }

  it('pass when manifests, references and imports agree', () => {
    const spec = "import 'fast-check'\nimport 'node:fs'\nimport 'zod/v4'\nimport '@catamaran/contracts'\n"
    refused(faultsOf(checkPackages, { ...contracts, ...data, 'libs/data/src/a.spec.ts': spec, 'libs/data/test/b.ts': spec }))
  })

  it('are refused when the root does not build them', () => {
    const tsconfig = { 'tsconfig.json': '{ "references": [{ "path": "libs/contracts" }, { "path": "libs/gone" }] }' }
    const root = /^tsconfig\.json /
    const faults = faultsOf(checkPackages, { ...contracts, ...data, ...tsconfig })
    refused(faults, /^tsconfig\.json doesn't reference libs\/data/, /^tsconfig\.json references libs\/gone, which is no package/)
    assert.ok(faults.every((fault) => root.test(fault)))
  })

  it('are refused when references and dependencies differ', () => {
    const tsconfig = '{ "references": [{ "path": "../flags" }] }'
    const flags = { ...packageFiles('libs/flags'), 'libs/flags/src/index.ts': '' }
    refused(
      faultsOf(checkPackages, { ...contracts, ...flags, ...data, 'libs/data/tsconfig.json': tsconfig }),
      /^libs\/data\/tsconfig\.json lacks the reference .*"\.\.\/contracts"/,
      /^libs\/data\/tsconfig\.json has the reference "\.\.\/flags"/,
    )
  })

  it('are refused when the lock file is older than a manifest', () => {
    const lock = (zod: string) => ({
      'package-lock.json': JSON.stringify({
        packages: {
          'libs/contracts': {},
          'libs/data': { dependencies: { '@catamaran/contracts': '*', zod }, devDependencies: { 'fast-check': '*' } },
        },
      }),
    })
    refused(faultsOf(checkPackages, { ...contracts, ...data, ...lock('*') }))
    refused(
      faultsOf(checkPackages, { ...contracts, ...data, ...lock('1.0.0') }),
      /^package-lock\.json has other dependencies of libs\/data than/,
    )
  })

  it('are refused when an import is not their own', () => {
    const source = "import 'fast-check'\nimport 'pg'\nvoid import('ioredis')\nexport * from '@catamaran/flags'\n"
    refused(
      faultsOf(checkPackages, { ...contracts, ...data, 'libs/data/src/index.ts': source }),
      /^libs\/data\/src\/index\.ts:1 imports fast-check, which is only a devDependency/,
      /:2 imports pg, which is not in libs\/data\/package\.json/,
      /:3 imports ioredis, which is not/,
      /:4 imports @catamaran\/flags, which is not/,
    )
  })
})

describe('layers', () => {
  const PACKAGES: Record<string, string> = Object.assign(
    {},
    ...['libs/contracts', 'libs/platform', 'libs/data', 'libs/messaging', 'libs/flags', 'libs/testing', 'libs/novel']
      .concat(['apps/core-service', 'apps/auth-service', 'sandbox/psp', 'tools/stack', 'e2e'])
      .map((dir) => packageFiles(dir)),
  ) as Record<string, string>
  const faults = (path: string, source: string): string[] => faultsOf(checkLayers, { ...PACKAGES, [path]: source })

  const REFUSED: readonly [string, string, RegExp][] = [
    ['apps/core-service/src/a.ts', "import '@catamaran/auth-service'", /no package imports an app/],
    ['libs/platform/src/a.ts', "import '@catamaran/core-service'", /no package imports an app/],
    ['e2e/src/a.spec.ts', "import '@catamaran/core-service'", /no package imports an app/],
    ['libs/platform/src/a.ts', "import '@catamaran/stack'", /imports libs only/],
    ['libs/platform/src/a.ts', "import '@catamaran/psp'", /imports libs only/],
    ['libs/platform/src/a.ts', "import '@catamaran/e2e'", /nothing imports e2e/],
    ['libs/contracts/src/a.ts', "import type { A } from '@catamaran/platform'", /contracts may import nothing of ours/],
    ['libs/platform/src/a.ts', "export * from '@catamaran/data'", /platform may import contracts/],
    ['libs/data/src/a.ts', "void import('@catamaran/messaging')", /data may import contracts, platform/],
    ['libs/messaging/src/a.ts', "import '@catamaran/flags'", /messaging may import contracts, platform, data/],
    ['libs/novel/src/a.ts', "import '@catamaran/contracts'", /no place in the order of libs/],
    ['libs/testing/src/a.ts', "import '@catamaran/messaging'", /testing may import contracts, platform, data, flags/],
    ['libs/data/src/a.ts', "import '@catamaran/testing'", /testing is for tests/],
    ['apps/core-service/src/a.ts', "import '@catamaran/testing'", /testing is for tests/],
    ['apps/core-service/src/a.ts', "import '../../auth-service/src/main.js'", /reach another package by its name/],
    ['apps/core-service/test/a.spec.ts', "import '../../../libs/data/src/index.js'", /reach another package by its name/],
    ['apps/core-service/src/a.ts', "import '@catamaran/data/dist/src/redis.js'", /import from @catamaran\/data itself/],
    ['apps/core-service/src/o/o.controller.ts', "import './o.repository.js'", /a controller or consumer asks a service/],
    ['apps/core-service/src/o/o.consumer.ts', "import type { A } from './o.sql.js'", /a controller or consumer asks a service/],
    ['apps/core-service/src/o/o.controller.ts', "import { Database } from '@catamaran/data'", /holds no client/],
    ['apps/core-service/src/o/o.consumer.ts', "import 'kafkajs'", /holds no client/],
    ['apps/core-service/src/o/o.service.ts', "import './o.controller.js'", /a service knows no controller/],
    ['apps/core-service/src/o/o.service.ts', "import type { FastifyReply } from 'fastify'", /a service knows no HTTP type/],
    ['apps/core-service/src/o/o.service.ts', "import { PLACE } from './o.sql.js'", /a service asks a repository/],
    ['apps/core-service/src/o/o.repository.ts', "import './o.service.js'", /a repository knows no service/],
    ['apps/core-service/src/o/o.repository.ts', "import type { A } from './o.controller.js'", /a repository knows no service/],
  ]
  for (const [path, source, message] of REFUSED)
    it(`refuse ${source} in ${path}`, () => refused(faults(path, `${source}\n`), new RegExp(`^${path}:1 .*${message.source}`)))

  const ALLOWED: readonly [string, string][] = [
    ['libs/messaging/src/a.ts', "import '@catamaran/data'"],
    ['libs/flags/test/a.spec.ts', "import '@catamaran/testing'"],
    ['apps/core-service/test/a.spec.ts', "import '@catamaran/testing'\nimport '../src/main.js'"],
    ['tools/stack/src/a.ts', "import '@catamaran/testing'"],
    ['e2e/src/a.spec.ts', "import '@catamaran/stack'\nimport '@catamaran/testing'"],
    [
      'apps/core-service/src/o/o.controller.ts',
      "import './o.service.js'\nimport './o.schema.js'\nimport type { FastifyReply } from 'fastify'",
    ],
    ['apps/core-service/src/o/o.consumer.ts', "import type { EventBatch } from '@catamaran/messaging'"],
    ['apps/core-service/src/o/o.service.ts', "import './o.repository.js'"],
    ['apps/core-service/src/o/o.repository.ts', "import './o.sql.js'\nimport './o.schema.js'\nimport '@catamaran/data'"],
  ]
  for (const [path, source] of ALLOWED) it(`allow ${source.replaceAll('\n', '; ')} in ${path}`, () => refused(faults(path, `${source}\n`)))
})

describe('sources', () => {
  const lib = { ...packageFiles('libs/data'), 'libs/data/src/index.ts': 'export const a = 1\n' }
  const disable = (rest: string) => `// ${'oxlint'}-disable-next-line ${rest}\n`

  it('are refused for an exception without a reason or a rule', () => {
    const source = disable('typescript/no-explicit-any') + disable('-- because') + disable('no-console -- a')
    refused(faultsOf(checkSources, { ...lib, 'libs/data/src/a.ts': source }), /a\.ts:1 an exception names its rule/, /a\.ts:2 /, /a\.ts:3 /)
  })

  it('may make an exception that says why', () => {
    refused(
      faultsOf(checkSources, { ...lib, 'libs/data/src/a.ts': disable('typescript/no-explicit-any -- the driver gives nothing better') }),
    )
  })

  it('are refused for a test that does not run', () => {
    const spec =
      "test.skip('a')\nit.only('b')\ndescribe('c', { skip: true }, () => {})\ntest('d', (t) => t.skip('later'))\ntest('e', { only: 1 })\n"
    refused(
      faultsOf(checkSources, { ...lib, 'libs/data/src/a.spec.ts': spec }),
      /:1 test\.skip: every test runs/,
      /:2 it\.only/,
      /:3 skip/,
      /:4 t\.skip/,
      /:5 only/,
    )
  })

  it('are refused for a test that sleeps, but may poll', () => {
    const spec = [
      "import { setTimeout as delay } from 'node:timers/promises'",
      'await delay(100)',
      'await new Promise((resolve) => setTimeout(resolve, 100))',
      'while (!(await isReady())) await delay(10)',
      'const timer = setTimeout(() => controller.abort(), 100)',
    ].join('\n')
    refused(faultsOf(checkSources, { ...lib, 'libs/data/test/a.spec.ts': spec }), /:2 a test waits for a condition/, /:3 a test waits/)
  })

  it('are refused for a door that is too wide, missing or too many, and for a long README', () => {
    const files = {
      ...packageFiles('libs/data'),
      'libs/data/src/index.ts': 'export const a = 1\n'.repeat(41),
      ...packageFiles('libs/flags'),
      'libs/flags/src/flags.ts': '',
      'apps/core-service/src/orders/index.ts': '',
      'tools/seed/src/shelves/index.ts': '',
      'README.md': 'line\n'.repeat(150),
    }
    refused(
      faultsOf(checkSources, files),
      /^README\.md has 150 lines, at most 149/,
      /^libs\/data\/src\/index\.ts has 41 lines, at most 40/,
      /^libs\/flags a lib has one door/,
      /^apps\/core-service\/src\/orders\/index\.ts only a lib has an index/,
    )
  })
})

describe('the workspace', () => {
  it('has files, and no links to folders, by which charts hold each other', () => {
    const planted = plant({ 'deploy/helm/service/Chart.yaml': 'name: service\n' })
    symlinkSync('service', pathOf(planted.root, 'deploy/helm/link'))
    const { files } = readWorkspace(planted.root)
    planted.remove()
    assert.deepEqual(
      files.filter((path) => path.startsWith('deploy/')),
      ['deploy/helm/service/Chart.yaml'],
    )
  })
})

describe('hygiene', () => {
  // Put together here, so that this file does not hold what it plants.
  const join = (...parts: string[]) => parts.join('')
  const REFUSED: readonly [string, string, string, RegExp][] = [
    ['the host of a registry', 'docs/a.md', join('https://registry.npm', 'js.org/x'), /names a registry's host/],
    ['the host of another registry', 'tools/a.sh', join('pip --index-url https://pypi', '.org/simple'), /names a registry's host/],
    ['a path of one machine', 'a.json', join('"/ro', 'ot/.npmrc"'), /a path of one machine/],
    ['a home folder', 'a.sh', join('cd /ho', 'me/somebody'), /a path of one machine/],
    ['a private key', 'a.pem', join('-----BEGIN RSA PRIVATE', ' KEY-----'), /a private key/],
    ['a private JWK', 'a.json', `{ "kty": "OKP", ${join('"', 'd": "', 'x'.repeat(43))}" }`, /a private JWK/],
    ['a cloud key', 'a.env', join('AKI', 'A', 'ABCDEFGHIJKLMNOP'), /holds a secret/],
    ['work left for later', 'a.ts', join('// TO', 'DO: later'), /leaves work for later/],
    ['a download address', 'package-lock.json', join('"resolved": "https', '://example.org/a.tgz"'), /records a download address/],
    ['the registry of this machine', 'a.md', 'https://packages.example.net/npm', /own package registry/],
  ]
  for (const [what, path, content, message] of REFUSED)
    it(`refuses ${what}`, () => {
      const faults = faultsOf((workspace) => checkHygiene(workspace, 'https://packages.example.net/'), { [path]: `fine\n${content}\n` })
      refused(faults, new RegExp(`^${path}:2 .*${message.source}`))
    })

  it('lets pass links of the workspace, addresses of our own and binary files', () => {
    const files = {
      'package-lock.json': '"resolved": "tools/check"\n',
      'a.md': 'http://127.0.0.1:4000/home/page and dist/work/x\n',
      'a.bin': join('\0 TO', 'DO'),
    }
    refused(faultsOf((workspace) => checkHygiene(workspace, 'http://localhost:4873/'), files))
  })
})
