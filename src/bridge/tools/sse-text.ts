import type { SseEvent } from '../tap/sse-parser.ts'
import type { JsonObject } from '../usage/json-value.ts'

export function jsonEvent(name: string | undefined, value: JsonObject): SseEvent {
  return { name, data: JSON.stringify(value) }
}

/** An event as it stands in a stream. */
export function sseText({ name, data }: SseEvent): string {
  const lines = data.split('\n').map(line => `data: ${line}\n`)
  return `${name === undefined ? '' : `event: ${name}\n`}${lines.join('')}\n`
}
