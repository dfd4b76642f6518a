import { createRequire } from 'node:module'

/** The parts of kafkajs's request queue that the patch touches (kafkajs 2.2.4, src/network/requestQueue). */
interface RequestQueue {
  throttleCheckTimeoutId: NodeJS.Timeout | null
  throttledUntil: number
  pending: unknown[]
  checkPendingRequests(): void
  scheduleCheckPendingRequests(): void
}

const CHECK_PENDING_MS = 10

/** The prototype of kafkajs's request queue, patched below; a test watches it. */
export const requestQueue = (createRequire(import.meta.url)('kafkajs/src/network/requestQueue/index.js') as { prototype: RequestQueue })
  .prototype

/**
 * kafkajs re-arms this timer for ever, with a negative delay when nothing waits: a thousand wake-ups a second on each idle connection.
 * Here it sleeps while there is nothing to check. Each fulfilled request checks the queue anyhow.
 */
requestQueue.scheduleCheckPendingRequests = function (this: RequestQueue): void {
  if (this.throttleCheckTimeoutId !== null) return
  const throttledForMs = this.throttledUntil - Date.now()
  if (this.pending.length === 0 && throttledForMs <= 0) return
  this.throttleCheckTimeoutId = setTimeout(
    () => {
      this.throttleCheckTimeoutId = null
      this.checkPendingRequests()
    },
    throttledForMs > 0 ? throttledForMs : CHECK_PENDING_MS,
  )
}
