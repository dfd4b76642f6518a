import { setTimeout as delay } from 'node:timers/promises'

const POLL_MS = 20

/**
 * Waits until a condition holds; a rejection counts as "not yet".
 * @throws Error when it doesn't within `withinMs` (default ten seconds)
 */
export async function until(condition: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  for (const deadline = Date.now() + withinMs; ;) {
    if (
      await Promise.resolve()
        .then(condition)
        .catch(() => false)
    )
      return
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${String(condition)}`)
    await delay(POLL_MS)
  }
}
