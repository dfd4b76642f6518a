import { until } from '@catamaran/testing'
import type { World } from './world.js'

/** Where a canary was, and since when; in seconds since it was watched. */
export interface Moment {
  readonly at: number
  readonly phase: string
  readonly weight: number
}

const ENDS = ['Succeeded', 'Failed']

/** What the world has of a canary. */
const look = async ({ cluster, namespace }: World, name: string) => {
  const { status, spec } = await cluster.get('canary', name, namespace)
  return {
    phase: (status?.['phase'] as string | undefined) ?? '',
    weight: (status?.['canaryWeight'] as number | undefined) ?? 0,
    status,
    spec,
  }
}

/** Waits until Flagger has made the primary of it. */
export const initialised = async (world: World, name: string): Promise<void> => {
  await until(async () => (await look(world, name)).phase === 'Initialized', {
    deadlineMs: 300_000,
    everyMs: 500,
    message: `${name} is initialised`,
  })
}

/** Follows a canary from when Flagger sees the new version until it has ended, one way or the other. */
export const follow = async (world: World, name: string, withinMs: number): Promise<Moment[]> => {
  const since = performance.now()
  const moments: Moment[] = []
  await until(
    async () => {
      const { phase, weight } = await look(world, name)
      const last = moments.at(-1)
      if (last?.phase !== phase || last.weight !== weight) moments.push({ at: (performance.now() - since) / 1000, phase, weight })
      return moments.some((moment) => moment.phase === 'Progressing') && ENDS.includes(phase)
    },
    { deadlineMs: withinMs, everyMs: 250, message: `the canary of ${name} ends` },
  )
  return moments
}

export const told = (moments: readonly Moment[]): string =>
  moments.map(({ at, phase, weight }) => `  ${at.toFixed(1).padStart(6)} s  ${phase.padEnd(16)} ${String(weight).padStart(3)} %`).join('\n')

/** What Flagger said about it. */
export const eventsOf = async ({ cluster, namespace }: World, name: string): Promise<string[]> => {
  const events = (await cluster.list('event', '-n', namespace)) as unknown as {
    involvedObject: { kind: string; name: string }
    message: string
    lastTimestamp: string
  }[]
  return events
    .filter(({ involvedObject }) => involvedObject.kind === 'Canary' && involvedObject.name === name)
    .map(({ message }) => message)
}
