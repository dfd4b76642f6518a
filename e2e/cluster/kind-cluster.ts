import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { SERVICES } from '@catamaran/contracts'
import { Cluster, root, run } from './cluster.js'
import { CANARY, releaseOf, VERSION } from './installation.js'
import { scrapes } from './series.js'

/** A cluster with what the charts want to find, and what another image of a release takes. */
export interface Place {
  readonly kubeconfig: string
  /** Makes the image of a release known to the nodes. */
  readonly provide: (release: string) => Promise<void>
}

export type Timed = <T>(what: string, work: () => Promise<T>) => Promise<T>

const NAME = 'catamaran'
/** The only node; where the ingress gateway is on it. */
const [NODE, NODE_PORT] = [`${NAME}-control-plane`, 30_080]
const FLAGGER = '1.44.0'
const MONITORING = 'monitoring'
const PROMETHEUS = `http://prometheus-server.${MONITORING}`

const kind = {
  kind: 'Cluster',
  apiVersion: 'kind.x-k8s.io/v1alpha4',
  // kind chooses the port on this machine.
  nodes: [{ role: 'control-plane', extraPortMappings: [{ containerPort: NODE_PORT, listenAddress: '127.0.0.1' }] }],
}

const istio = {
  apiVersion: 'install.istio.io/v1alpha1',
  kind: 'IstioOperator',
  spec: {
    profile: 'default',
    // Prometheus reads proxies and services each by themselves.
    meshConfig: { enablePrometheusMerge: false },
    components: {
      ingressGateways: [
        {
          name: 'istio-ingressgateway',
          enabled: true,
          k8s: { service: { type: 'NodePort', ports: [{ name: 'http2', port: 80, targetPort: 8080, nodePort: NODE_PORT }] } },
        },
      ],
    },
    values: {
      pilot: { autoscaleEnabled: false, resources: { requests: { cpu: '50m', memory: '256Mi' } } },
      global: { proxy: { resources: { requests: { cpu: '10m', memory: '64Mi' } } } },
      gateways: { 'istio-ingressgateway': { autoscaleEnabled: false } },
    },
  },
}

const prometheus = {
  ...Object.fromEntries(
    ['alertmanager', 'kube-state-metrics', 'prometheus-node-exporter', 'prometheus-pushgateway'].map((name) => [name, { enabled: false }]),
  ),
  server: { persistentVolume: { enabled: false } },
  serverFiles: { 'prometheus.yml': scrapes({}) },
}

const load = (...images: string[]): Promise<string> => run('kind', ['load', 'docker-image', '--name', NAME, ...images])
const imageOf = (name: string, tag = VERSION): string => `catamaran/${name}:${tag}`

/** The address by which containers reach this machine: that of kind's network, on Linux an address of this machine. */
const reachAddress = async (): Promise<string> => {
  const gateways = await run('docker', ['network', 'inspect', 'kind', '-f', '{{range .IPAM.Config}}{{println .Gateway}}{{end}}'])
  const address = gateways.split('\n').find((each) => /^[\d.]+$/.test(each.trim()))
  if (address === undefined) throw new Error('Docker’s network "kind" has no IPv4 gateway.')
  return address.trim()
}

/** Makes the cluster where there is none, and brings into it what the charts want to find. Each step may be done twice. */
export const makeCluster = async (timed: Timed): Promise<Place> => {
  const folder = join(process.env['CATAMARAN_CACHE'] ?? join(homedir(), '.cache', 'catamaran'), 'kind')
  mkdirSync(folder, { recursive: true })
  const kubeconfig = join(folder, 'kubeconfig')
  const env = { KUBECONFIG: kubeconfig }
  const isThere = (await run('kind', ['get', 'clusters'])).split('\n').includes(NAME)
  if (isThere) await run('kind', ['export', 'kubeconfig', '--name', NAME, '--kubeconfig', kubeconfig])
  else
    await timed('The cluster', () =>
      run(
        'kind',
        ['create', 'cluster', '--name', NAME, '--kubeconfig', kubeconfig, '--wait', '180s', '--config', '-'],
        {},
        JSON.stringify(kind),
      ),
    )
  for (const name of SERVICES)
    await timed(`The image of ${name}`, async () => {
      await run('docker', ['build', '--build-arg', `SERVICE=${name}`, '-t', imageOf(name), root])
      await load(imageOf(name))
    })
  await timed('Istio', () => run('istioctl', ['install', '-y', '-f', '-'], env, JSON.stringify(istio)))
  const cluster = new Cluster(kubeconfig)
  const upgrade = (chart: string, repo: string, ...rest: string[]) => [
    'upgrade',
    '--install',
    chart,
    chart,
    '--repo',
    repo,
    '--wait',
    ...rest,
  ]
  await timed('Prometheus', () =>
    cluster.helm(
      upgrade('prometheus', 'https://prometheus-community.github.io/helm-charts', '-n', MONITORING, '--create-namespace'),
      prometheus,
    ),
  )
  await timed('Flagger', () =>
    cluster.helm(upgrade('flagger', 'https://flagger.app', '--version', FLAGGER, '-n', 'istio-system'), {
      meshProvider: 'istio',
      metricsServer: PROMETHEUS,
    }),
  )
  const [door = ''] = (await run('docker', ['port', NODE, `${NODE_PORT}/tcp`])).split('\n')
  Object.assign(process.env, { REACH_ADDRESS: await reachAddress(), INGRESS_ADDRESS: door, PROMETHEUS_URL: PROMETHEUS })
  const provide = async (release: string): Promise<void> => {
    const image = imageOf(CANARY, releaseOf(CANARY, { name: release, services: { [CANARY]: {} } }))
    await run('docker', ['tag', imageOf(CANARY), image])
    await load(image)
  }
  return { kubeconfig, provide }
}

export const removeCluster = (): Promise<string> => run('kind', ['delete', 'cluster', '--name', NAME])
