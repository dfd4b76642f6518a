import { podOf, readObjects } from '../src/chart-objects.js'

type Labels = Readonly<Record<string, string>>
interface Selector {
  readonly matchLabels?: Labels
}
interface Peer {
  readonly podSelector?: Selector
  readonly namespaceSelector?: Selector
  readonly ipBlock?: object
}
interface Way {
  readonly from?: readonly Peer[]
  readonly to?: readonly Peer[]
  readonly ports?: readonly { readonly port: number; readonly protocol?: string }[]
}
interface Rule {
  readonly from?: readonly { readonly source: { readonly principals?: readonly string[] } }[]
  readonly to?: readonly { readonly operation: { readonly methods?: readonly string[]; readonly paths?: readonly string[] } }[]
}
interface Policy {
  readonly kind: string
  readonly spec: {
    readonly podSelector?: Selector
    readonly selector?: Selector
    readonly policyTypes?: readonly string[]
    readonly ingress?: readonly Way[]
    readonly egress?: readonly Way[]
    readonly rules?: readonly Rule[]
    readonly action?: string
    readonly mtls?: { readonly mode: string }
  }
}

/** What runs in a Pod, as policies see it. */
export interface Workload {
  readonly name: string
  readonly namespace: string
  readonly labels: Labels
  /** Its account in the mesh; without one it has no certificate. */
  readonly account?: string
}

export interface Call {
  readonly port: number
  readonly method: string
  readonly path: string
}

export const NAMESPACE = 'catamaran'

const has = (labels: Labels, { matchLabels = {} }: Selector): boolean =>
  Object.entries(matchLabels).every(([name, value]) => labels[name] === value)

/** Whether a NetworkPolicy of our namespace means this workload by one of its peers. Addresses mean no Pod here. */
const means = (peer: Peer, { namespace, labels }: Workload): boolean => {
  if (peer.ipBlock !== undefined) return false
  const isThere = peer.namespaceSelector
    ? has({ 'kubernetes.io/metadata.name': namespace }, peer.namespaceSelector)
    : namespace === NAMESPACE
  return isThere && has(labels, peer.podSelector ?? {})
}

/** Istio reads them so: exact, a prefix before `*`, a suffix after it, `*` alone for anything. */
const matches = (pattern: string, text: string): boolean => {
  if (pattern === '*') return text !== ''
  if (pattern.endsWith('*')) return text.startsWith(pattern.slice(0, -1))
  return pattern.startsWith('*') ? text.endsWith(pattern.slice(1)) : pattern === text
}
const anyMatches = (patterns: readonly string[] | undefined, text: string): boolean =>
  patterns === undefined || patterns.some((pattern) => matches(pattern, text))

/** The policies of one rendered installation, evaluated as Kubernetes and Istio do. */
export class Reach {
  private readonly policies: readonly Policy[]
  /** The services' Pods: those of each Deployment, and those of the primary that Flagger makes of it. */
  readonly services: readonly Workload[]
  /** Migrations, and what tests the installation. */
  readonly jobs: readonly Workload[]

  constructor(text: string) {
    const objects = readObjects(text)
    this.policies = objects as unknown as readonly Policy[]
    const podsOf = (wanted: string): Workload[] =>
      objects.flatMap((object) => {
        const { kind, metadata } = object
        const pod = podOf(object)
        if (kind !== wanted || pod === undefined) return []
        const { labels, spec } = pod
        const account = spec.serviceAccountName
        const isMeshed = labels['sidecar.istio.io/inject'] === 'true'
        return [{ name: metadata.name, namespace: NAMESPACE, labels, ...(isMeshed && account !== undefined && { account }) }]
      })
    const deployed = podsOf('Deployment')
    const primaries = deployed.map((pod) => ({ ...pod, labels: { ...pod.labels, 'app.kubernetes.io/name': `${pod.name}-primary` } }))
    this.services = [...deployed, ...primaries]
    this.jobs = [...podsOf('Job'), ...podsOf('Pod')]
  }

  allows(from: Workload, to: Workload, call: Call): boolean {
    return this.networkAllows(from, to, call.port) && (isPlain(to, call.port) || this.meshAllows(from, to, call))
  }

  private networkAllows(from: Workload, to: Workload, port: number): boolean {
    return this.side('egress', from, to, port) && this.side('ingress', to, from, port)
  }

  /** Where no policy is about a Pod, all is allowed; else what any of those that are allows. */
  private side(side: 'ingress' | 'egress', pod: Workload, other: Workload, port: number): boolean {
    const type = side === 'ingress' ? 'Ingress' : 'Egress'
    const about = this.policies.filter(
      ({ kind, spec }) =>
        kind === 'NetworkPolicy' &&
        pod.namespace === NAMESPACE &&
        (spec.policyTypes ?? []).includes(type) &&
        has(pod.labels, spec.podSelector ?? {}),
    )
    const ways = about.flatMap(({ spec }) => spec[side] ?? [])
    return about.length === 0 || ways.some((way) => isWay(way, side === 'ingress' ? way.from : way.to, other, port))
  }

  private meshAllows(from: Workload, to: Workload, { method, path }: Call): boolean {
    const isStrict = this.policies.some(({ kind, spec }) => kind === 'PeerAuthentication' && spec.mtls?.mode === 'STRICT')
    if (isStrict && from.account === undefined) return false
    const principal = from.account === undefined ? '' : `cluster.local/ns/${from.namespace}/sa/${from.account}`
    const about = this.policies.filter(
      ({ kind, spec }) => kind === 'AuthorizationPolicy' && (spec.action ?? 'ALLOW') === 'ALLOW' && has(to.labels, spec.selector ?? {}),
    )
    return (
      about.length === 0 ||
      about.some(({ spec }) =>
        (spec.rules ?? []).some(
          (rule) =>
            (rule.from ?? [{ source: {} }]).some(({ source }) => anyMatches(source.principals, principal)) &&
            (rule.to ?? [{ operation: {} }]).some(
              ({ operation }) => anyMatches(operation.methods, method) && anyMatches(operation.paths, path),
            ),
        ),
      )
    )
  }
}

const isWay = (way: Way, peers: readonly Peer[] | undefined, other: Workload, port: number): boolean =>
  (peers === undefined || peers.some((peer) => means(peer, other))) &&
  (way.ports === undefined || way.ports.some((it) => it.port === port && (it.protocol ?? 'TCP') === 'TCP'))

/** The ports that the sidecar leaves alone. */
const isPlain = ({ account }: Workload, port: number): boolean => account === undefined || port !== 4000
