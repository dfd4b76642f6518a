/** Waits for work at most so long, in milliseconds; what comes later, or fails, is nobody's concern any more. */
export const within = async (ms: number, work: Promise<unknown>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined
  const tooLong = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work.catch(() => undefined), tooLong])
  clearTimeout(timer)
}
