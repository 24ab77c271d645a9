import type { TestEvent } from 'node:test/reporters'

/** Ends the process at the first failure: more of them say nothing more about a mutant. */
// oxlint-disable-next-line import/no-default-export -- what node:test asks of a reporter
export default async function* bail(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type } of events) if (type === 'test:fail') process.exit(1)
  yield ''
}
