import { chooses, type KubeObject, type Rules } from './chart-objects.js'

/** The Canary by which Flagger brings in new versions of a Deployment. */
export const canaryOf = (deployment: string, all: readonly KubeObject[]): KubeObject | undefined =>
  all.find(({ kind, spec }) => kind === 'Canary' && spec?.targetRef?.name === deployment)

/** What Flagger makes of a Deployment are Pods with other labels, which everything around them must fit too; and what it judges by must be there. */
export function canaryRules({ metadata, spec }: KubeObject, labels: Readonly<Record<string, string>>, all: readonly KubeObject[]): Rules {
  const primary = { ...labels, 'app.kubernetes.io/name': `${metadata.name}-primary` }
  const has = (kind: string, name: string | undefined): boolean => all.some((it) => it.kind === kind && it.metadata.name === name)
  const isChosenBy = (kind: string): boolean => all.some((it) => it.kind === kind && chooses(it, primary))
  const metrics = spec?.analysis?.metrics ?? []
  return [
    ...['Service', 'VirtualService', 'DestinationRule'].map(
      (kind) => [!has(kind, metadata.name), `has a ${kind} that Flagger writes`] as const,
    ),
    ...['PodDisruptionBudget', 'AuthorizationPolicy', 'NetworkPolicy'].map(
      (kind) => [isChosenBy(kind), `has a primary that is chosen by no ${kind}`] as const,
    ),
    [has('HorizontalPodAutoscaler', spec?.autoscalerRef?.name), 'has a canary without its autoscaler'],
    [metrics.length > 0, 'has a canary that nothing judges'],
    ...metrics.flatMap(({ name, templateRef, thresholdRange }): Rules => [
      [templateRef === undefined || has('MetricTemplate', templateRef.name), `is judged by ${name}, of which there is no template`],
      [thresholdRange?.min !== undefined || thresholdRange?.max !== undefined, `is judged by ${name} without a bound`],
    ]),
  ]
}
