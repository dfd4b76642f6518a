import type { RunningSystem } from '@catamaran/stack'

/**
 * Holds back what follows an order meanwhile, as if it ran on machines of its own: aux-service's work on the events with DynamoDB's, and the payment provider with
 * all that a payment brings. They take the cores that placing is measured on, while the floor's orders are nobody's work.
 */
export async function withoutFollowers<T>({ services, sandbox }: RunningSystem, work: () => Promise<T>): Promise<T> {
  const pids = [services['aux-service']?.pid ?? 0, sandbox.psp.pid]
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  try {
    return await work()
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGCONT')
  }
}
