import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { attempt, CHART, Cluster, root, type Ran, type Resource } from './cluster.js'

export type Cloud = 'eks' | 'gke'

const CRDS = 'externalsecrets.external-secrets.io'
const INGRESS = 'istio-ingress'
/** Of the Pod that `helm test` makes. */
const TEST_ACCOUNT = 'catamaran-test'
const PART_OF = 'app.kubernetes.io/part-of=catamaran'
/** What the cluster itself puts into each namespace, or keeps of what was there. */
const NOT_OURS = ['configmap/kube-root-ca.crt', 'configmap/istio-ca-root-cert', 'configmap/istio-ca-crl', 'serviceaccount/default']
const KINDS_NOT_OURS = ['event', 'events.k8s.io', 'lease', 'podmetrics']

/** One cloud's values, installed in a cluster that has that cloud's nodes and none of its services. */
export class Variant {
  readonly cluster: Cluster
  readonly namespace: string

  constructor(
    readonly cloud: Cloud,
    kubeconfig: string,
  ) {
    this.cluster = new Cluster(kubeconfig)
    this.namespace = `shop-${cloud}`
  }

  /** What a platform has before the charts come: CRDs, the ingress gateway with the domain's certificate, an empty namespace. */
  async prepare(folder: string): Promise<void> {
    if ((await this.cluster.attempt('kubectl', ['get', 'crd', CRDS])).code !== 0) {
      const file = process.env['EXTERNAL_SECRETS_CRDS']
      if (file === undefined)
        throw new Error(
          `The cluster has no ${CRDS}: install External Secrets, or name its deploy/crds/bundle.yaml in EXTERNAL_SECRETS_CRDS.`,
        )
      await this.cluster.kubectl('apply', '--server-side', '-f', file)
      await this.cluster.kubectl('wait', '--for=condition=Established', `crd/${CRDS}`, '--timeout=30s')
    }
    await this.cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: INGRESS } })
    await this.cluster.apply({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: this.namespace, labels: { 'istio-injection': 'enabled' } },
    })
    await this.cluster.apply(GATEWAY_POD, GATEWAY_SERVICE, await certificate(folder))
  }

  async remove(): Promise<void> {
    await this.cluster.attempt('helm', ['uninstall', 'catamaran', '-n', this.namespace])
    await this.cluster.attempt('kubectl', ['delete', 'namespace', this.namespace, INGRESS, '--timeout=60s'])
  }

  private args(options: readonly string[], chart: string): string[] {
    const values = ['-f', join(chart, `values-${this.cloud}.yaml`), ...options]
    return ['catamaran', chart, '-n', this.namespace, ...values]
  }

  /** `helm upgrade --install`, waiting for what it made. */
  async install(options: readonly string[] = [], chart = CHART): Promise<void> {
    await this.cluster.helm(['upgrade', '--install', ...this.args(options, chart), '--wait', '--timeout', '3m'])
  }

  tryInstall(options: readonly string[] = []): Promise<Ran> {
    return this.cluster.attempt('helm', ['upgrade', '--install', ...this.args(options, CHART), '--wait', '--timeout', '1m'])
  }

  /** A second release in the same namespace. @throws Error, as it must */
  async installAs(name: string): Promise<void> {
    await this.cluster.helm(['install', ...this.args([], CHART).toSpliced(0, 1, name)])
  }

  async rollBack(): Promise<void> {
    await this.cluster.helm(['rollback', 'catamaran', '-n', this.namespace, '--wait', '--timeout', '3m'])
  }

  async uninstall(): Promise<void> {
    await this.cluster.helm(['uninstall', 'catamaran', '-n', this.namespace, '--wait', '--timeout', '2m'])
  }

  /** When each migration had ended, by what the Job's controller told, and each Deployment began; to the second. */
  async order(): Promise<Record<'jobs' | 'deployments', { name: string; at: number }[]>> {
    const events = (await this.cluster.list('event', '-n', this.namespace)) as unknown as JobEvent[]
    const done = events.filter(({ reason, involvedObject }) => reason === 'Completed' && involvedObject.kind === 'Job')
    const deployments = await this.cluster.list('deployment', '-n', this.namespace, '-l', PART_OF)
    return {
      jobs: done.map(({ involvedObject, lastTimestamp }) => ({ name: involvedObject.name, at: Date.parse(lastTimestamp) })),
      deployments: deployments.map(({ metadata }) => ({ name: metadata.name, at: Date.parse(metadata.creationTimestamp ?? '') })),
    }
  }

  /** Has the API server judge every object of the render, hooks too, and keep none. A Pod is taken only where its account is. */
  async dryRun(): Promise<number> {
    const rendered = await this.cluster.helm(['template', ...this.args([], CHART)])
    await this.cluster.kubectl('create', 'serviceaccount', TEST_ACCOUNT, '-n', this.namespace)
    try {
      const judged = [
        'apply',
        '--server-side',
        '--force-conflicts',
        '--dry-run=server',
        '--validate=strict',
        '-n',
        this.namespace,
        '-f',
        '-',
      ]
      return (await this.cluster.run('kubectl', judged, rendered)).trim().split('\n').length
    } finally {
      await this.cluster.kubectl('delete', 'serviceaccount', TEST_ACCOUNT, '-n', this.namespace)
    }
  }

  /** Of each object its identity, and the version of what it shall be. */
  async objects(kinds: string): Promise<Record<string, string>> {
    const found = await this.cluster.list(kinds, '-n', this.namespace, '-l', PART_OF)
    return Object.fromEntries(found.map((each) => [`${each.kind}/${each.metadata.name}`, `${each.metadata.uid} ${generationOf(each)}`]))
  }

  /** What each Deployment's Pods are made of. */
  async templates(): Promise<unknown[]> {
    const deployments = await this.cluster.list('deployment', '-n', this.namespace, '-l', PART_OF)
    return deployments.map(({ spec }) => spec?.['template'])
  }

  async images(): Promise<string[]> {
    const deployments = await this.cluster.list('deployment', '-n', this.namespace, '-l', PART_OF)
    return deployments.map(({ spec }) => (spec as unknown as Template).template.spec.containers[0]?.image ?? '')
  }

  /** All that is in the namespace and is not the cluster's own. */
  async leftovers(): Promise<string[]> {
    const kinds = (await this.cluster.kubectl('api-resources', '--namespaced', '--verbs=list', '-o', 'name')).trim().split('\n')
    const asked = kinds.filter((kind) => !KINDS_NOT_OURS.some((other) => kind.startsWith(other)))
    const told = await this.cluster.kubectl('get', asked.join(','), '-n', this.namespace, '-o', 'name', '--ignore-not-found')
    return told.split('\n').filter((name) => name !== '' && !NOT_OURS.includes(name))
  }

  /** What Istio's analyser has to say. */
  async analysis(): Promise<string[]> {
    const { stdout } = await this.cluster.attempt('istioctl', ['analyze', '-n', this.namespace, '-o', 'json'])
    const messages = JSON.parse(stdout || '[]') as { code: string; level: string; origin: string; message: string }[]
    return messages.map(({ code, level, origin, message }) => `${code} ${level} ${origin}: ${message}`)
  }
}

interface JobEvent {
  readonly reason: string
  readonly involvedObject: { readonly kind: string; readonly name: string }
  readonly lastTimestamp: string
}

interface Template {
  readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } }
}

const generationOf = ({ metadata }: Resource) => (metadata as { generation?: number }).generation ?? ''

/** The charts as a commit had them, in a folder of their own. */
export const chartAt = async (commit: string, folder: string): Promise<string> => {
  const archive = join(folder, 'charts.tar')
  for (const [program, args] of [
    ['git', ['archive', '-o', archive, commit, 'deploy/helm']],
    ['tar', ['-xf', archive, '-C', folder]],
  ] as const) {
    const { code, stderr } = await attempt(program, args)
    if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`)
  }
  return join(folder, 'deploy/helm/catamaran')
}

/** The commit whose charts came before those here: PREVIOUS_CHARTS, or the last but one that changed them. */
export const previousCharts = async (): Promise<string> => {
  const { stdout } = await attempt('git', ['-C', root, 'log', '-2', '--format=%H', '--', 'deploy/helm'])
  return process.env['PREVIOUS_CHARTS'] ?? stdout.trim().split('\n').at(-1) ?? ''
}

const labels = { app: 'istio-ingress', istio: 'ingress' }
const GATEWAY_POD = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'istio-ingress', namespace: INGRESS },
  spec: {
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'gateway', image: 'none' }] } },
  },
}
const GATEWAY_SERVICE = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'istio-ingress', namespace: INGRESS },
  spec: {
    selector: labels,
    ports: [
      { name: 'http', port: 80 },
      { name: 'https', port: 443 },
    ],
  },
}

/** The domain's certificate: signed by nobody, and good for a day. */
const certificate = async (folder: string): Promise<object> => {
  const [key, crt] = [join(folder, 'tls.key'), join(folder, 'tls.crt')]
  const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=shop.example.com', '-keyout', key, '-out', crt]
  const { code, stderr } = await attempt('openssl', made)
  if (code !== 0) throw new Error(`openssl: ${stderr}`)
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name: 'shop-tls', namespace: INGRESS },
    stringData: { 'tls.crt': readFileSync(crt, 'utf8'), 'tls.key': readFileSync(key, 'utf8') },
  }
}
