import type { TestEvent } from 'node:test/reporters'

/** A reporter for `node --test` that writes `{ "passed", "failed" }` of the whole run, for test.ts to add up. */
export default async function* counts(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    // The summary without a file is the one of the whole run.
    if (event.type === 'test:summary' && event.data.file === undefined) {
      const { passed, tests, skipped, todo } = event.data.counts
      yield JSON.stringify({ passed, failed: tests - passed - skipped - todo })
    }
  }
}
