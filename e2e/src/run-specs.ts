import { run } from 'node:test'
import { spec, type TestEvent } from 'node:test/reporters'

const TEST_WITHIN_MS = 180_000

/** A process for each spec, one after the other: they share a system and the two cores of a small machine. Tells on standard output. */
export const runSpecs = async (files: string[], withinMs = TEST_WITHIN_MS): Promise<{ passed: number; failed: number }> => {
  const counts = { passed: 0, failed: 0 }
  const events = run({ files, concurrency: 1, timeout: withinMs })
  events.on('test:summary', ({ file, counts: { passed, tests, skipped, todo } }: Extract<TestEvent, { type: 'test:summary' }>['data']) => {
    if (file === undefined) Object.assign(counts, { passed, failed: tests - passed - skipped - todo })
  })
  for await (const text of events.compose(new spec()) as AsyncIterable<string>) process.stdout.write(text)
  return counts
}
