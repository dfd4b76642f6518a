import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { CALLS, matchesCall, SERVICES, type ServiceName } from '@catamaran/contracts'
import { parseAllDocuments } from 'yaml'

interface Peer {
  readonly podSelector?: { readonly matchLabels?: Record<string, string> }
}
interface Way {
  readonly from?: readonly Peer[]
  readonly to?: readonly Peer[]
  readonly ports: readonly { readonly port: number }[]
}
interface Rule {
  readonly from: readonly { readonly source: { readonly principals: readonly string[] } }[]
  readonly to?: readonly { readonly operation: { readonly methods: readonly string[]; readonly paths: readonly string[] } }[]
}
interface Policy {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec: { readonly rules?: readonly Rule[]; readonly ingress?: readonly Way[]; readonly egress?: readonly Way[] }
}

const FILE = fileURLToPath(new URL('../../../../deploy/helm/rendered/eks.yaml', import.meta.url))
const policies = parseAllDocuments(readFileSync(FILE, 'utf8')).map((document) => document.toJS() as Policy)
const policyOf = (kind: string, name: string) => policies.find((it) => it.kind === kind && it.metadata.name === name)?.spec ?? {}

/** As Istio reads them: exact, or a prefix before `*`. */
const istioMatches = (pattern: string, path: string): boolean =>
  pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : pattern === path
const meshAllows = (from: string, to: ServiceName, method: string, path: string): boolean =>
  (policyOf('AuthorizationPolicy', to).rules ?? []).some(
    (rule) =>
      rule.from.some(({ source }) => source.principals.includes(from)) &&
      (rule.to ?? [{ operation: { methods: [method], paths: [path] } }]).some(
        ({ operation }) => operation.methods.includes(method) && operation.paths.some((pattern) => istioMatches(pattern, path)),
      ),
  )
const tableAllows = (from: ServiceName, to: ServiceName, method: string, path: string): boolean =>
  CALLS.some((rule) => [from, '*'].includes(rule.from) && rule.to === to && matchesCall(rule, method, path))

const names = (ways: readonly Way[] = [], side: 'from' | 'to'): string[] =>
  ways
    .filter(({ ports }) => ports.some(({ port }) => port === 4000))
    .flatMap((way) => (way[side] ?? []).flatMap(({ podSelector }) => podSelector?.matchLabels?.['service.istio.io/canonical-name'] ?? []))

describe('the policies that the charts make of the call table', () => {
  const paths = [...new Set(CALLS.flatMap((rule) => rule.paths.flatMap((path) => [path.replace('*', 'x'), `${path.replace('*', '')}/y`])))]
  const calls = SERVICES.flatMap((from) =>
    SERVICES.flatMap((to) => [...paths, '/', '/internal/none'].map((path) => [from, to, path] as const)),
  )

  it('let the mesh allow what the table allows, and nothing else', () => {
    const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']
    const different = calls.flatMap(([from, to, path]) =>
      METHODS.filter((method) => {
        const principal = `cluster.local/ns/catamaran/sa/${from}`
        return meshAllows(principal, to, method, path) !== tableAllows(from, to, method, path)
      }).map((method) => `${from} → ${to} ${method} ${path}`),
    )
    assert.deepEqual(different, [])
  })

  it('let the network pass who has a row, on both sides', () => {
    for (const from of SERVICES)
      for (const to of SERVICES) {
        const hasRow = CALLS.some((rule) => [from, '*'].includes(rule.from) && rule.to === to)
        assert.equal(names(policyOf('NetworkPolicy', from).egress, 'to').includes(to), hasRow, `${from} out to ${to}`)
        assert.equal(names(policyOf('NetworkPolicy', to).ingress, 'from').includes(from), hasRow, `${from} in to ${to}`)
      }
  })

  it('let nobody from outside the mesh or of another namespace past the gateway, and the ingress to nothing but it', () => {
    const ingress = 'cluster.local/ns/istio-ingress/sa/istio-ingress'
    for (const to of SERVICES) {
      assert.equal(meshAllows(ingress, to, 'GET', '/v1/products'), to === 'api-gateway', to)
      assert.equal(meshAllows('cluster.local/ns/other/sa/api-gateway', to, 'GET', '/v1/products'), false, to)
      assert.equal(meshAllows('', to, 'GET', '/oidc/jwks'), false, to)
    }
    for (const kind of ['AuthorizationPolicy', 'NetworkPolicy', 'PeerAuthentication'])
      assert.ok(
        policies.some((it) => it.kind === kind && ['nothing', 'default'].includes(it.metadata.name)),
        kind,
      )
  })
})
