import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { freePort, startProgram } from '../alerts/setting.js'
import { root } from './cluster.js'

export interface Series {
  readonly url: string
  readonly stop: () => Promise<void>
}

const meta = (name: string) => `__meta_kubernetes_pod_${name}`
const NAMED = [
  { source_labels: ['__meta_kubernetes_namespace'], target_label: 'namespace' },
  { source_labels: [meta('name')], target_label: 'pod' },
  { source_labels: [meta('label_service_istio_io_canonical_name')], target_label: 'service' },
]

/**
 * What a Prometheus reads of Pods: the services' own series, by the annotations of the charts, and the proxies', which Flagger judges requests by.
 * @param discovery where the Pods are, by Prometheus's names; of the cluster it runs in when empty
 */
export const scrapes = (discovery: object): object => {
  const kubernetes_sd_configs = [{ role: 'pod', ...discovery }]
  const ofServices = [
    { source_labels: [meta('annotation_prometheus_io_scrape')], regex: 'true', action: 'keep' },
    { source_labels: [meta('container_name')], regex: 'service', action: 'keep' },
    { source_labels: [meta('ip'), meta('annotation_prometheus_io_port')], separator: ':', target_label: '__address__' },
  ]
  const ofProxies = [{ source_labels: [meta('container_port_name')], regex: 'http-envoy-prom', action: 'keep' }]
  return {
    global: { scrape_interval: '2s', evaluation_interval: '5s' },
    scrape_configs: [
      { job_name: 'pods', kubernetes_sd_configs, relabel_configs: [...ofServices, ...NAMED] },
      { job_name: 'proxies', metrics_path: '/stats/prometheus', kubernetes_sd_configs, relabel_configs: [...ofProxies, ...NAMED] },
    ],
  }
}

/**
 * A Prometheus that reads the services' own series from their Pods, by the annotations of the charts and with the labels that discovery by annotation
 * usually gives; or the one of PROMETHEUS_URL, where the cluster has one that Flagger reaches.
 */
export const startSeries = async (kubeconfig: string, namespace: string): Promise<Series> => {
  const given = process.env['PROMETHEUS_URL']
  if (given !== undefined) return { url: given, stop: async () => undefined }
  const folder = mkdtempSync(join(tmpdir(), 'catamaran-series-'))
  const port = await freePort()
  const config = {
    ...scrapes({ kubeconfig_file: kubeconfig, namespaces: { names: [namespace] } }),
    rule_files: [join(root, 'deploy/prometheus/rules/*.yml')],
  }
  writeFileSync(join(folder, 'prometheus.yml'), stringify(config))
  const storage = ['--storage.tsdb.path', join(folder, 'series'), '--config.file', join(folder, 'prometheus.yml')]
  const program = startProgram('prometheus', [...storage, '--web.listen-address', `127.0.0.1:${port}`])
  const stop = async () => {
    await program.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  return { url: `http://127.0.0.1:${port}`, stop }
}
