import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { CALLS, matchesCall, SERVICES, type HttpMethod, type ServiceName } from '@catamaran/contracts'
import { until } from '@catamaran/testing'
import type { Resource } from './cluster.js'
import type { ProbeAnswer, ProbeCall } from './probe.js'
import type { World } from './world.js'

const PROBE = fileURLToPath(new URL('probe.js', import.meta.url))
const PORT = 8099
const METHODS: readonly HttpMethod[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
/** Where no rule of the table leads, plain and in disguise: what climbs out of an allowed prefix is judged by where it arrives. */
const STRAY = [
  ...[
    '/',
    '/internal',
    '/internal/other',
    '/docs',
    '/metrics',
    '/v2/products',
    '/oidc',
    '/accounts',
    '/INTERNAL/orders',
    '//internal/orders',
  ],
  ...['/v1/../internal/people/probe', '/v1/%2e%2e/internal/people/probe', '/v1/./../internal/orders', '/oidc/../internal/gateway/state'],
]
const arriving = (path: string): string => new URL(`http://any${path}`).pathname
/** A wildcard's own prefix is not in it, and one deeper is. */
const pathsOf = (pattern: string): string[] =>
  pattern.endsWith('*') ? [`${pattern.slice(0, -1)}probe`, `${pattern.slice(0, -1)}probe/deeper`] : [pattern]
const PATHS = [...new Set([...CALLS.flatMap(({ paths }) => paths.flatMap(pathsOf)), ...STRAY])]

/** A workload that calls: its account, where it is, and whether it is in the mesh. */
export interface Caller {
  readonly who: string
  readonly namespace: string
  readonly account: string
  readonly isInMesh: boolean
}

/** The services themselves, the ingress gateway, and those who are neither or only look like it. */
export const callersOf = ({ namespace, around: { ingress } }: World): Caller[] => [
  ...SERVICES.map((account) => ({ who: account, namespace, account, isInMesh: true })),
  { who: 'the ingress gateway', namespace: ingress.namespace, account: ingress.serviceAccount, isInMesh: true },
  { who: 'another workload of the namespace', namespace, account: 'default', isInMesh: true },
  { who: 'core-service of another namespace', namespace: `${namespace}-other`, account: 'core-service', isInMesh: true },
  { who: 'a workload without the mesh', namespace, account: 'core-service', isInMesh: false },
]

const podName = ({ namespace, account, isInMesh }: Caller) => `probe-${namespace}-${account}${isInMesh ? '' : '-plain'}`

const podFor = (caller: Caller, areProcesses: boolean): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: podName(caller),
    namespace: caller.namespace,
    labels: { app: 'probe', 'sidecar.istio.io/inject': String(caller.isInMesh) },
    annotations: {
      'traffic.sidecar.istio.io/excludeInboundPorts': String(PORT),
      ...(areProcesses && { 'cluster/command': `${process.execPath} ${PROBE}` }),
    },
  },
  spec: {
    serviceAccountName: caller.account,
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        name: 'probe',
        image: process.env['PROBE_IMAGE'] ?? 'catamaran/core-service:0.1.0',
        args: ['--input-type=module', '-e', readFileSync(PROBE, 'utf8')],
        env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
        readinessProbe: { httpGet: { path: '/', port: PORT }, periodSeconds: 1 },
      },
    ],
  },
})

const isReady = ({ status }: Resource): boolean =>
  ((status?.['conditions'] ?? []) as { type: string; status: string }[]).some((each) => each.type === 'Ready' && each.status === 'True')

/** The address of a caller's Pod once it is ready. */
const addressOf = (caller: Caller, { cluster }: World): Promise<string> =>
  until(
    async () => {
      const pod = await cluster.get('pod', podName(caller), caller.namespace)
      return isReady(pod) && (pod.status?.['podIP'] as string)
    },
    { deadlineMs: 40_000, everyMs: 500, message: `${podName(caller)} is ready` },
  )

/** A probe in a Pod for each caller; gives how to have each do calls. */
export const startProbes = async (world: World): Promise<Map<Caller, (calls: readonly ProbeCall[]) => Promise<ProbeAnswer[]>>> => {
  const { cluster, namespace, around } = world
  const callers = callersOf(world)
  const other = { name: `${namespace}-other` }
  await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: other })
  await cluster.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'core-service', namespace: other.name } })
  await cluster.apply(...callers.map((caller) => podFor(caller, around.areProcesses)))
  const ask = async (caller: Caller) => {
    const address = await addressOf(caller, world).catch(async () => {
      // What runs Pods here may have missed it once.
      await cluster.kubectl('delete', 'pod', podName(caller), '-n', caller.namespace, '--force', '--grace-period=0')
      await cluster.apply(podFor(caller, around.areProcesses))
      return addressOf(caller, world)
    })
    return async (calls: readonly ProbeCall[]) =>
      (await (await fetch(`http://${address}:${PORT}/`, { method: 'POST', body: JSON.stringify(calls) })).json()) as ProbeAnswer[]
  }
  return new Map(await Promise.all(callers.map(async (caller) => [caller, await ask(caller)] as const)))
}

export const stopProbes = async (world: World): Promise<void> => {
  for (const caller of callersOf(world))
    await world.cluster.attempt('kubectl', ['delete', 'pod', podName(caller), '-n', caller.namespace, '--wait=false'])
  await world.cluster.attempt('kubectl', ['delete', 'namespace', `${world.namespace}-other`, '--wait=false'])
}

/** What the call table says, and that the ingress gateway may pass everything on to the only public door. */
const isAllowed = ({ who, namespace, isInMesh }: Caller, world: World, to: ServiceName, method: string, path: string): boolean => {
  if (!isInMesh) return false
  if (who === 'the ingress gateway') return to === 'api-gateway'
  return (
    namespace === world.namespace &&
    CALLS.some(
      (rule) => rule.to === to && (rule.from === '*' ? isService(who) : rule.from === who) && matchesCall(rule, method, arriving(path)),
    )
  )
}
const isService = (who: string): boolean => (SERVICES as readonly string[]).includes(who)

/** The proxy's own words; to HEAD only their length. A plain connection to a workload that wants certificates is closed. */
const isRefused = ({ status, type, length, body }: ProbeAnswer, method: string, { isInMesh }: Caller): boolean => {
  if (!isInMesh) return status === 0
  return status === 403 && (method === 'HEAD' ? type === 'text/plain' && length === '19' : body === 'RBAC: access denied')
}
/** An answer of the service itself, whatever it says: neither a refusal nor the proxy's word that nobody is there. */
const isAnswered = ({ status, body }: ProbeAnswer): boolean => status > 0 && !/^upstream connect error|^no healthy upstream/.test(body)

/** The address of a ready Pod of a service: who is not in the mesh has no names of Services here. */
const podOf = async (service: ServiceName, { cluster, namespace }: World): Promise<string> => {
  const pods = await cluster.list('pod', '-n', namespace, '-l', `service.istio.io/canonical-name=${service}`)
  return (pods.find(isReady)?.status?.['podIP'] as string | undefined) ?? ''
}

export interface Measured {
  readonly who: string
  readonly to: ServiceName
  answered: number
  refused: number
}

export interface Matrix {
  readonly measured: Measured[]
  readonly faults: string[]
}

/** That who is outside the mesh is refused by the mesh, and not kept away by something else. @throws Error when it can't reach an admin port */
const canReachWhatIsPlain = async (world: World, ask: (calls: readonly ProbeCall[]) => Promise<ProbeAnswer[]>): Promise<void> => {
  for (const to of SERVICES) {
    const [answer] = await ask([{ host: `${await podOf(to, world)}:4010`, method: 'GET', path: '/livez' }])
    if (answer?.status !== 200)
      throw new Error(`${to} has no admin port for a workload without the mesh: ${answer?.status} ${answer?.body}`)
  }
}

/** Has every caller do every call to every service, and holds the answers against the call table. */
export const measure = async (world: World): Promise<Matrix> => {
  const probes = await startProbes(world)
  const measured: Measured[] = []
  const faults: string[] = []
  for (const [caller, ask] of probes) {
    if (!caller.isInMesh) await canReachWhatIsPlain(world, ask)
    for (const to of SERVICES) {
      const host = caller.isInMesh ? `${to}.${world.namespace}` : await podOf(to, world)
      const calls = PATHS.flatMap((path) => METHODS.map((method) => ({ host: `${host}:4000`, method, path })))
      const answers = await ask(calls)
      const row: Measured = { who: caller.who, to, answered: 0, refused: 0 }
      for (const [at, { method, path }] of calls.entries()) {
        const answer = answers[at] as ProbeAnswer
        const mayCall = isAllowed(caller, world, to, method, path)
        const refused = isRefused(answer, method, caller)
        if (refused) row.refused++
        else row.answered++
        if (refused === mayCall || (mayCall && !isAnswered(answer)))
          faults.push(
            `${caller.who} → ${to}: ${method} ${path} is ${mayCall ? 'allowed' : 'not allowed'} and got ${answer.status} ${answer.body}`,
          )
      }
      measured.push(row)
    }
  }
  return { measured, faults }
}
