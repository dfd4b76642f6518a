import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { containerSecrets } from '@catamaran/stack/container-keys'
import { canaryOf, canaryRules } from './chart-canaries.js'
import { chooses, podOf, readObjects, type Container, type KubeObject, type Labels, type PodSpec, type Rules } from './chart-objects.js'
import { readSchemas, type SchemaOf } from './compose.js'
import { readText, type Fault, type Workspace } from './workspace.js'

const RENDERED = 'deploy/helm/rendered'

/** The restricted profile of the Pod Security Standards, and what a scheduler needs to know. */
const podRules = (pod: PodSpec, all: readonly KubeObject[]): Rules => [
  [pod.securityContext?.runAsNonRoot === true, 'may run as root: runAsNonRoot'],
  [pod.securityContext?.seccompProfile?.type === 'RuntimeDefault', 'has no seccomp profile: RuntimeDefault'],
  [pod.automountServiceAccountToken === false, 'is given a token of the API, which it never asks'],
  [all.some(({ kind, metadata }) => kind === 'ServiceAccount' && metadata.name === pod.serviceAccountName), 'has no account of its own'],
  ...pod.containers.flatMap(({ image, securityContext, resources }): Rules => [
    [/(:(?!latest$)[\w.-]+|@sha256:[0-9a-f]{64})$/.test(image), 'names no image with a tag that stays'],
    [securityContext?.['allowPrivilegeEscalation'] === false, 'may gain privileges: allowPrivilegeEscalation'],
    [securityContext?.['readOnlyRootFilesystem'] === true, 'may write to its image: readOnlyRootFilesystem'],
    [securityContext?.capabilities?.drop?.includes('ALL') ?? false, 'keeps capabilities: drop [ALL]'],
    [resources?.requests?.['cpu'] !== undefined && resources.requests['memory'] !== undefined, 'requests no CPU or memory'],
    [resources?.limits?.['memory'] !== undefined, 'has no limit on memory'],
  ]),
]

/** What a service needs around it so that it rolls, scales and drains without losing a request. */
function serviceRules({ spec, metadata }: KubeObject, variables: Labels, all: readonly KubeObject[]): Rules {
  const labels = spec?.template?.metadata.labels ?? {}
  const { containers = [], terminationGracePeriodSeconds: grace = 30 } = spec?.template?.spec ?? {}
  const isChosenBy = (kind: string): boolean => all.some((object) => object.kind === kind && chooses(object, labels))
  const canary = canaryOf(metadata.name, all)
  const preStop = containers[0]?.lifecycle?.preStop?.sleep?.seconds ?? 0
  const probes = containers.flatMap(({ startupProbe, livenessProbe, readinessProbe }) => [startupProbe, livenessProbe, readinessProbe])
  return [
    [spec?.replicas === undefined, 'sets replicas, which are the autoscaler’s'],
    [probes.every((probe) => probe?.httpGet?.port === 'admin'), 'lacks a probe on the admin port'],
    [preStop > 0, 'gets SIGTERM before its endpoint is gone: preStop'],
    [grace > preStop + Number(variables['SHUTDOWN_MS']) / 1000, 'is killed before it has drained: terminationGracePeriodSeconds'],
    ...['PodDisruptionBudget', 'AuthorizationPolicy'].map((kind) => [isChosenBy(kind), `is chosen by no ${kind}`] as const),
    ...(canary ? canaryRules(canary, labels, all) : [[isChosenBy('Service'), 'is chosen by no Service'] as const]),
    [
      all.some(({ kind, spec: of }) => kind === 'HorizontalPodAutoscaler' && of?.scaleTargetRef?.name === metadata.name),
      'has no autoscaler',
    ],
  ]
}

/** Keys of Secrets that a Pod takes and External Secrets does not bring. */
function missingKeys(pod: PodSpec, all: readonly KubeObject[]): string[] {
  const brought = new Map(
    all
      .filter(({ kind }) => kind === 'ExternalSecret')
      .map(({ spec }) => [spec?.target?.name, (spec?.data ?? []).map(({ secretKey }) => secretKey)]),
  )
  const ofEnv = pod.containers.flatMap(({ env = [] }) => env.flatMap(({ valueFrom }) => valueFrom.secretKeyRef ?? []))
  const ofFiles = (pod.volumes ?? []).flatMap(({ secret }) =>
    (secret?.items ?? []).map(({ key }) => ({ name: secret?.secretName ?? '', key })),
  )
  const missing = [...ofEnv, ...ofFiles].filter(({ name, key }) => brought.size > 0 && brought.get(name)?.includes(key) !== true)
  return missing.map(({ name, key }) => `takes ${key} of the Secret ${name}, which no ExternalSecret brings`)
}

/** Secrets as they may look. */
const secretsOf = (service: string): Labels => ({
  SMTP_URL: 'smtps://user:password@mail.example.com',
  ...(containerSecrets() as Record<string, Labels>)[service],
})

/** The variables a container is started with. Whatever file is named is there and can be read. */
function variablesOf(service: string, { envFrom = [], env = [] }: Container, all: readonly KubeObject[]): Labels {
  const maps = envFrom.map(
    ({ configMapRef }) => all.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === configMapRef.name)?.data,
  )
  const secrets = secretsOf(service)
  const own = env.map(({ name }) => [name, secrets[name] ?? 'given'])
  const named = Object.entries(Object.assign({}, ...maps, Object.fromEntries(own)) as Labels)
  return Object.fromEntries(named.map(([name, value]) => [name, value.startsWith('/run/') ? import.meta.filename : value]))
}

/** The variables a service would refuse to start with. */
function badVariables(service: string, variables: Labels, schemaOf: SchemaOf): string[] {
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''))
  try {
    const issues = schemaOf(service)?.safeParse(given).error?.issues ?? []
    return issues.map(({ path, message }) => `${path.join('.')}: ${path.join('.') in given ? message : 'is missing'}`)
  } catch (error) {
    return [String(error)]
  }
}

/** What is wrong with the objects of one installation. */
export function chartFaults(path: string, text: string, schemaOf: SchemaOf): Fault[] {
  const objects = readObjects(text)
  return objects.flatMap((object) => {
    const { kind, metadata } = object
    const pod = podOf(object)
    if (pod === undefined) return []
    const isIsolated = objects.some((it) => it.kind === 'NetworkPolicy' && chooses(it, pod.labels))
    const [first] = pod.spec.containers
    const service = pod.labels['app.kubernetes.io/name'] ?? ''
    const variables = first ? variablesOf(service, first, objects) : {}
    const rules = [
      ...podRules(pod.spec, objects),
      [isIsolated, 'is chosen by no NetworkPolicy'] as const,
      ...(kind === 'Deployment' ? serviceRules(object, variables, objects) : []),
    ]
    return [
      ...rules.filter(([isRight]) => !isRight).map(([, message]) => message),
      ...missingKeys(pod.spec, objects),
      ...(kind === 'Deployment' ? badVariables(service, variables, schemaOf) : []),
    ].map((message) => ({ path, message: `${kind} ${metadata.name} ${message}` }))
  })
}

/** Every committed installation is confined, limited, reachable by whom the call table says, and given what its services' schemas require. */
export async function checkCharts({ root, files }: Workspace): Promise<Fault[]> {
  if (!files.some((path) => path.startsWith(RENDERED))) return []
  const schemas = await readSchemas(root, files)
  return readdirSync(join(root, RENDERED))
    .filter((name) => name.endsWith('.yaml') && !name.endsWith('.values.yaml'))
    .flatMap((name) => chartFaults(`${RENDERED}/${name}`, readText(root, `${RENDERED}/${name}`), (service) => schemas.get(service)))
}
