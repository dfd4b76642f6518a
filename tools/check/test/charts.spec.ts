import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { CALLS } from '@catamaran/contracts'
import { parse } from 'yaml'
import { z } from 'zod'
import { chartFaults } from '../src/chart-rules.js'
import { valuesSchemas } from '../src/chart-schemas.js'
import { callsOf, charts } from '../src/charts.js'
import type { SchemaOf } from '../src/compose.js'
import { shown } from './planted.js'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const TEXT = readFileSync(`${ROOT}deploy/helm/rendered/options.yaml`, 'utf8')
const noSchema: SchemaOf = () => undefined
const faultsAfter = (from: string | RegExp, to: string, schemaOf = noSchema): string =>
  shown(chartFaults('options.yaml', TEXT.replace(from, to), schemaOf)).join('\n')

describe('what the charts make', () => {
  it('passes as it is', () => assert.equal(faultsAfter('', ''), ''))

  const REFUSED: readonly [what: string, from: string | RegExp, to: string, message: RegExp][] = [
    ['a Pod that may be root', /runAsNonRoot: true/g, 'runAsNonRoot: false', /Deployment core-service may run as root/],
    ['a Pod without seccomp', /type: RuntimeDefault/g, 'type: Unconfined', /Job aux-service-migrate has no seccomp profile/],
    ['a Pod with a token of the API', /automountServiceAccountToken: false/g, '', /Deployment api-gateway is given a token/],
    ['a Pod without an account', 'serviceAccountName: api-gateway', 'serviceAccountName: default', /api-gateway has no account/],
    ['an image that moves', /aux-service:0\.2\.0/g, 'aux-service:latest', /Deployment aux-service names no image/],
    ['a container that may gain privileges', /allowPrivilegeEscalation: false/g, '', /may gain privileges/],
    ['a container that may write', /readOnlyRootFilesystem: true/g, '', /may write to its image/],
    ['a container with capabilities', /drop: \[ALL\]/g, 'drop: [NET_RAW]', /keeps capabilities/],
    ['a container without requests', /cpu: 500m/g, '', /Deployment auth-service requests no CPU/],
    ['a container without a limit', /limits:\n\s+memory: 512Mi/g, '', /Deployment api-gateway has no limit on memory/],
    ['replicas beside an autoscaler', 'revisionHistoryLimit: 3', 'replicas: 2', /sets replicas/],
    ['a probe on another port', 'path: /readyz, port: admin', 'path: /readyz, port: http', /lacks a probe on the admin port/],
    ['SIGTERM at once', /sleep:\n\s+seconds: 5/, '{}', /gets SIGTERM before its endpoint is gone/],
    ['a short grace', 'terminationGracePeriodSeconds: 20', 'terminationGracePeriodSeconds: 15', /is killed before it has drained/],
    ['no disruption budget', /kind: PodDisruptionBudget/g, 'kind: None', /is chosen by no PodDisruptionBudget/],
    ['no Service where Flagger makes none', /kind: Service$/gm, 'kind: None', /Deployment aux-service is chosen by no Service/],
    [
      'a Service beside the one that Flagger makes',
      'kind: ServiceAccount\nmetadata:\n  name: core-service',
      'kind: Service\nmetadata:\n  name: core-service',
      /core-service has a Service that Flagger writes/,
    ],
    [
      'what the primary’s Pods would fall out of',
      /(\n {6}service\.istio\.io\/canonical-name: core-service)\n---/g,
      '$1\n      app.kubernetes.io/name: core-service\n---',
      /core-service has a primary that is chosen by no PodDisruptionBudget/,
    ],
    [
      'a metric that is nowhere',
      'name: core-service-orders-placed\n  labels',
      'name: other\n  labels',
      /judged by orders-placed, of which there is no template/,
    ],
    ['a metric without a bound', /thresholdRange:\n +min: -10/g, 'thresholdRange: {}', /judged by orders-placed without a bound/],
    [
      'a canary whose autoscaler is another',
      'kind: HorizontalPodAutoscaler\n    name: core-service',
      'kind: HorizontalPodAutoscaler\n    name: other',
      /has a canary without its autoscaler/,
    ],
    ['no policy of the mesh', /kind: AuthorizationPolicy/g, 'kind: None', /is chosen by no AuthorizationPolicy/],
    ['no policy of the network', /kind: NetworkPolicy/g, 'kind: None', /Job core-service-migrate is chosen by no NetworkPolicy/],
    ['no autoscaler', /kind: HorizontalPodAutoscaler/g, 'kind: None', /has no autoscaler/],
    ['a key that nobody brings', /- secretKey: DATA_KEYS/g, '- secretKey: DATA_KEY', /takes DATA_KEYS of the Secret aux-service/],
  ]
  for (const [what, from, to, message] of REFUSED) it(`is refused for ${what}`, () => assert.match(faultsAfter(from, to), message))

  it('is refused when a service would not start for what it is given, secrets counted in', () => {
    const schema = z.object({ PSP_API_KEY: z.string(), PORT: z.literal('1'), TRUSTED_HOPS: z.string() })
    const faults = faultsAfter('', '', (name) => (name === 'core-service' ? schema : undefined))
    assert.match(faults, /core-service PORT: .*\n.*core-service TRUSTED_HOPS: is missing$/)
  })
})

describe('what the charts know of the code', () => {
  it('is the call table: a row more is a caller, a way and a rule more, and the committed file is stale', () => {
    const row = {
      from: 'aux-service',
      to: 'auth-service',
      purpose: 'x',
      methods: ['GET'],
      paths: ['/internal/x'],
      serviceToken: true,
    } as const
    const before = readFileSync(`${ROOT}deploy/helm/auth-service/calls.yaml`, 'utf8')
    assert.equal(callsOf('auth-service'), before)
    const { rules } = parse(callsOf('auth-service', [...CALLS, row])) as { rules: unknown[] }
    assert.deepEqual(rules.at(-1), { from: ['aux-service'], methods: ['GET'], paths: ['/internal/x'] })
    const { callees } = parse(callsOf('aux-service', [{ ...row, to: 'api-gateway' }])) as { callees: string[] }
    assert.deepEqual(callees, ['api-gateway'])
  })

  it('is which variables a service reads: others, and those that the charts set, are no values', () => {
    const config = z.object({ HOLD_MS: z.string(), PORT: z.string(), SERVICE_KEY_FILE: z.string(), COMMON: z.string() })
    const configs = new Map(['api-gateway', 'auth-service', 'core-service', 'aux-service'].map((name) => [name, config]))
    const schemas = valuesSchemas(configs.set('aux-service', z.object({ COMMON: z.string(), SERVICE_KEY_FILE: z.string() }) as never))
    interface Schema {
      properties: Record<string, Schema>
      additionalProperties: boolean
    }
    const { properties } = JSON.parse(schemas['core-service']) as Schema
    assert.deepEqual(Object.keys(properties['config']?.properties ?? {}), ['HOLD_MS', 'COMMON'])
    assert.equal(properties['config']?.additionalProperties, false)
    assert.deepEqual(Object.keys(properties['global']?.properties['config']?.properties ?? {}), ['COMMON'])
  })

  it('is committed with what Helm made of it, which without Helm is only compared', async () => {
    const eks = charts(ROOT).find(({ path }) => path.endsWith('rendered/eks.yaml'))
    assert.equal(await eks?.make(false), readFileSync(`${ROOT}deploy/helm/rendered/eks.yaml`, 'utf8'))
  })
})
