/** Messages that take long to read. */
const MANY = 50
let last: Promise<void> = Promise.resolve()

/**
 * Waits for a turn of the event loop of one's own where a batch is large: partitions and groups that come with many messages at the same time take theirs one after the other, and requests come in
 * between.
 */
export const turnToRead = async (messages: number): Promise<void> => {
  if (messages <= MANY) return
  last = last.then(() => new Promise((resolve) => setImmediate(resolve)))
  await last
}
