import type { Readable } from 'node:stream'
import { Memory } from '../../kernel/memory.ts'
import { type SseEvent, SseParser } from '../tap/sse-parser.ts'

const MAX_EVENT = 8 * 1024 * 1024

/** The events of a stream as they come. Throws when it breaks off, or for one that is too long. */
export async function* readEvents(body: Readable): AsyncGenerator<SseEvent> {
  let events: SseEvent[] = []
  let tooLong = false
  const parser = new SseParser({
    memory: new Memory(2 * MAX_EVENT),
    maxEventBytes: MAX_EVENT,
    onEvent: event => events.push(event),
    onOversized: () => {
      tooLong = true
    },
  })
  for await (const bytes of body) {
    parser.push(bytes)
    if (tooLong) throw new Error('an event of the answer is too long to be read')
    yield* events
    events = []
  }
  parser.end()
  yield* events
}
