import { parseAllDocuments } from 'yaml'

export type Labels = Record<string, string>
interface KeyRef {
  readonly name: string
  readonly key: string
}
export interface Container {
  readonly image: string
  readonly envFrom?: readonly { readonly configMapRef: { readonly name: string } }[]
  readonly env?: readonly { readonly name: string; readonly valueFrom: { readonly secretKeyRef?: KeyRef } }[]
  readonly securityContext?: Record<string, unknown> & { readonly capabilities?: { readonly drop?: readonly string[] } }
  readonly resources?: { readonly requests?: Labels; readonly limits?: Labels }
  readonly startupProbe?: Probe
  readonly livenessProbe?: Probe
  readonly readinessProbe?: Probe
  readonly lifecycle?: { readonly preStop?: { readonly sleep?: { readonly seconds: number } } }
}
interface CanaryAnalysis {
  readonly metrics: readonly {
    readonly name: string
    readonly templateRef?: { readonly name: string }
    readonly thresholdRange?: { readonly min?: number; readonly max?: number }
  }[]
  readonly webhooks?: readonly { readonly type: string }[]
}
interface Probe {
  readonly httpGet?: { readonly port: unknown }
}
export interface PodSpec {
  readonly serviceAccountName?: string
  readonly automountServiceAccountToken?: boolean
  readonly securityContext?: { readonly runAsNonRoot?: boolean; readonly seccompProfile?: { readonly type?: string } }
  readonly terminationGracePeriodSeconds?: number
  readonly containers: readonly Container[]
  readonly volumes?: readonly { readonly secret?: { readonly secretName: string; readonly items: readonly { readonly key: string }[] } }[]
}
export interface KubeObject {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels?: Labels }
  readonly data?: Labels
  readonly spec?: {
    readonly replicas?: number
    readonly podSelector?: { readonly matchLabels?: Labels }
    readonly selector?: Labels & { readonly matchLabels?: Labels }
    readonly template?: { readonly metadata: { readonly labels: Labels }; readonly spec: PodSpec }
    readonly target?: { readonly name: string }
    readonly data?: readonly { readonly secretKey: string }[]
    readonly scaleTargetRef?: { readonly name: string }
    readonly targetRef?: { readonly name: string }
    readonly autoscalerRef?: { readonly name: string }
    readonly analysis?: CanaryAnalysis
  }
}

const chosenBy = (object: KubeObject): Labels =>
  object.spec?.podSelector?.matchLabels ??
  object.spec?.selector?.matchLabels ??
  (object.kind === 'Service' ? object.spec?.selector : undefined) ??
  {}
/** Whether an object is about Pods with these labels. */
export const chooses = (object: KubeObject, labels: Labels): boolean => {
  const wanted = Object.entries(chosenBy(object))
  return wanted.length > 0 && wanted.every(([name, value]) => labels[name] === value)
}

export type Rules = readonly (readonly [isRight: boolean, message: string])[]

/** The Pods that an object makes, or is. */
export const podOf = ({ kind, metadata, spec }: KubeObject): { readonly labels: Labels; readonly spec: PodSpec } | undefined => {
  if (kind === 'Pod') return { labels: metadata.labels ?? {}, spec: spec as unknown as PodSpec }
  return spec?.template && { labels: spec.template.metadata.labels, spec: spec.template.spec }
}

/** All objects of an installation. */
export const readObjects = (text: string): KubeObject[] =>
  parseAllDocuments(text)
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null)
