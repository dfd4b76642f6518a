export interface UntilOptions {
  /** When to give up, in milliseconds. Default 30,000: what never comes is a failure, what comes late is a slow machine. */
  deadlineMs?: number
  /** What is waited for, for the error. */
  message?: string
  /** How often to look, in milliseconds. Default 5. */
  everyMs?: number
}

/**
 * Waits until `condition` gives something truthy, and returns it. What it throws counts as not yet.
 * Example: `const order = await until(() => findOrder(id), { message: 'the order is confirmed' })`.
 * @throws Error after the deadline, with what the condition threw last as its cause
 */
export const until = async <T>(
  condition: () => T | Promise<T>,
  { deadlineMs = 30_000, message = 'the condition holds', everyMs = 5 }: UntilOptions = {},
): Promise<Exclude<T, false | undefined | null | 0 | ''>> => {
  const deadline = performance.now() + deadlineMs
  let cause: unknown
  while (true) {
    try {
      const value = await condition()
      if (value) return value as Exclude<T, false | undefined | null | 0 | ''>
      cause = undefined
    } catch (error) {
      cause = error
    }
    if (performance.now() > deadline) throw new Error(`Waited ${deadlineMs} ms in vain until ${message}`, { cause })
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}
