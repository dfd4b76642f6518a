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

/** What Flagger said about it. */
const eventsOf = async ({ cluster, namespace }: World, name: string): Promise<string[]> => {
  const events = (await cluster.list('event', '-n', namespace)) as unknown as {
    involvedObject: { kind: string; name: string }
    message: string
  }[]
  return events
    .filter(({ involvedObject }) => involvedObject.kind === 'Canary' && involvedObject.name === name)
    .map(({ message }) => message)
}

/**
 * Follows a canary from when Flagger sees the new version until it has ended, one way or the other, and tells each step. What Flagger says is read along the way: the
 * API server soon keeps only the last of events that are alike.
 */
export const follow = async (
  world: World,
  name: string,
  withinMs: number,
  tell: (moment: Moment) => void,
): Promise<{ moments: Moment[]; said: string[] }> => {
  const since = performance.now()
  const moments: Moment[] = []
  const said = new Set<string>()
  const before = new Set(await eventsOf(world, name))
  await until(
    async () => {
      const { phase, weight } = await look(world, name)
      const last = moments.at(-1)
      if (last?.phase !== phase || last.weight !== weight) {
        const moment = { at: (performance.now() - since) / 1000, phase, weight }
        moments.push(moment)
        tell(moment)
      }
      for (const event of await eventsOf(world, name))
        if (!before.has(event)) said.add(event.replace('(combined from similar events): ', ''))
      return moments.some((moment) => moment.phase === 'Progressing') && ENDS.includes(phase)
    },
    { deadlineMs: withinMs, everyMs: 500, message: `the canary of ${name} ends` },
  )
  return { moments, said: [...said] }
}
