import { networkInterfaces } from 'node:os'
import { startSystem, type RunningSystem, type Started } from '@catamaran/stack'
import { until } from '@catamaran/testing'
import { CHART, Cluster, type Resource } from './cluster.js'
import { prerequisites, valuesFor, type Change, type Ingress, type Surroundings } from './installation.js'
import { relay, type Relay } from './relay.js'
import { startSeries, type Series } from './series.js'

const READY_WITHIN_MS = 300_000
const RELEASE = 'catamaran'

/** The four services in a cluster, their stores and sandbox on this machine, and a way in through the ingress gateway. */
export class World {
  private constructor(
    readonly cluster: Cluster,
    readonly namespace: string,
    readonly around: Surroundings,
    private readonly own: Started<RunningSystem>,
    private readonly series: Series,
    private readonly relays: Relay[],
  ) {}

  get system(): RunningSystem {
    return this.around.system
  }

  /** Starts the stores, and nothing in the cluster yet. */
  static async prepare(kubeconfig: string, namespace: string): Promise<World> {
    const cluster = new Cluster(kubeconfig)
    const ingress = await findIngress(cluster)
    const reach = process.env['REACH_ADDRESS'] ?? (await hostOf(cluster, ingress))
    // The door on loopback, known before the stores start: it stands in the issuer's name.
    const door = await relay({ host: '127.0.0.1', port: 0 }, ingress)
    const own = await startSystem({ args: ['--gateway', `http://127.0.0.1:${door.port}`, '--reach', reach], stderr: process.stderr })
    const relays = [
      door,
      ...(await Promise.all(portsOf(own.system).map((port) => relay({ host: reach, port }, { host: '127.0.0.1', port })))),
    ]
    const series = await startSeries(kubeconfig, namespace)
    const around = { system: own.system, series: series.url, ingress, reach, areProcesses: process.env['CLUSTER_PODS'] === 'processes' }
    return new World(cluster, namespace, around, own, series, relays)
  }

  /** Installs the charts, or upgrades to another release, and waits until all Pods of Deployments are ready. */
  async install(change?: Change): Promise<void> {
    const { cluster, namespace, around } = this
    if (change === undefined) {
      await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
      await cluster.apply(...prerequisites(around, namespace))
    }
    await cluster.helm(
      ['upgrade', '--install', RELEASE, CHART, '-n', namespace, '-f', `${CHART}/values-dev.yaml`],
      valuesFor(around, change),
    )
  }

  /** Waits until each Deployment has what it wants. */
  async ready(): Promise<void> {
    const isReady = async () => {
      const deployments = await this.cluster.list('deployment', '-n', this.namespace)
      return (
        deployments.length > 0 && deployments.every((each) => each.status?.['readyReplicas'] === each.status?.['replicas'] && isSeen(each))
      )
    }
    await until(isReady, { deadlineMs: READY_WITHIN_MS, everyMs: 1000, message: 'the Pods of all Deployments are ready' })
  }

  async close(): Promise<void> {
    await this.cluster.attempt('helm', ['uninstall', RELEASE, '-n', this.namespace, '--wait'])
    await this.cluster.attempt('kubectl', ['delete', 'namespace', this.namespace, '--timeout=60s'])
    await this.series.stop()
    await this.own.stop()
    await Promise.all(this.relays.map((each) => each.close()))
  }
}

const isSeen = ({ metadata, status, spec }: Resource): boolean =>
  status?.['observedGeneration'] === (metadata as { generation?: number }).generation &&
  (status?.['updatedReplicas'] ?? 0) === (spec?.['replicas'] ?? 1)

/** What Pods need of this machine. */
const portsOf = ({ engines, sandbox, flags }: RunningSystem): number[] =>
  [
    engines.databaseUrl,
    engines.redisUrl,
    engines.dynamodbEndpoint,
    `kafka://${engines.kafkaOutside}`,
    ...Object.values(sandbox).map(({ url }) => url),
    sandbox.mail.smtpUrl,
    flags.url,
  ].map((url) => Number(new URL(url).port))

/** @throws Error when no gateway Pod of Istio is ready */
const findIngress = async (cluster: Cluster): Promise<Ingress> => {
  const pods = await cluster.list('pod', '-A', '-l', 'istio in (ingressgateway, ingress)')
  const [pod] = pods.filter(({ status }) => status?.['phase'] === 'Running')
  if (pod === undefined) throw new Error('There is no Pod of an ingress gateway (label istio: ingressgateway or ingress) in the cluster.')
  const [host = '', port = '8080'] = process.env['INGRESS_ADDRESS']?.split(':') ?? [pod.status?.['podIP'] as string]
  return {
    namespace: pod.metadata.namespace ?? '',
    serviceAccount: pod.spec?.['serviceAccountName'] as string,
    labels: { istio: pod.metadata.labels?.['istio'] ?? '' },
    host,
    port: Number(port),
  }
}

/** Where Pods are processes of this machine, their node is this machine. */
const hostOf = async (cluster: Cluster, { host }: Ingress): Promise<string> => {
  const pods = await cluster.list('pod', '-A')
  const node = pods.find(({ status }) => status?.['podIP'] === host)?.status?.['hostIP'] as string | undefined
  const ours = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address))
  if (node !== undefined && ours.includes(node)) return node
  throw new Error('Say in REACH_ADDRESS by which address of this machine Pods reach it; for kind: docker network inspect kind.')
}
