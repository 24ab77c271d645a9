import { Transform, type TransformCallback } from 'node:stream'
import { Memory } from '../../kernel/memory.ts'
import { anthropicError } from '../providers/dialects.ts'
import { amazonEvent } from '../tap/amazon-event.ts'
import { type EventStreamMessage, EventStreamParser } from '../tap/event-stream-parser.ts'
import { asName, parseObject } from '../usage/json-value.ts'

/** Of one message; the largest that Amazon's own clients take. */
const MAX_MESSAGE_BYTES = 24 * 1024 * 1024

/** Amazon's exceptions by the status that the same error has outside a stream. */
const STATUSES: Readonly<Record<string, number>> = {
  throttlingException: 429,
  validationException: 400,
  serviceUnavailableException: 503,
  modelTimeoutException: 504,
}

/**
 * Amazon's event stream as the server-sent events that Anthropic's clients read;
 * the model's own events go through as they are. A stream that is damaged, or
 * ends before the message does, breaks: it must not look whole.
 */
export class SseFromEventStream extends Transform {
  readonly #parser: EventStreamParser
  #over = false

  constructor() {
    super()
    this.#parser = new EventStreamParser({
      memory: new Memory(2 * MAX_MESSAGE_BYTES),
      maxMessageBytes: MAX_MESSAGE_BYTES,
      onMessage: message => this.#message(message),
      onSkipped: () => this.destroy(new Error("Bedrock's event stream is damaged")),
    })
  }

  override _transform(chunk: Buffer, _encoding: string, callback: TransformCallback): void {
    this.#parser.push(chunk)
    callback()
  }

  override _flush(callback: TransformCallback): void {
    this.#parser.end()
    callback(this.#over ? null : new Error("Bedrock's event stream ended before its message"))
  }

  #message(message: EventStreamMessage): void {
    if (this.destroyed) return
    const event = amazonEvent(message)
    if (event.kind === 'error') {
      this.#over = true
      const text = anthropicError(STATUSES[event.type] ?? 500, event.message ?? event.type)
      this.push(`event: error\ndata: ${text}\n\n`)
      return
    }
    const type = asName(parseObject(event.text)?.['type'])
    if (type === undefined) {
      this.destroy(new Error("Bedrock's event stream holds something else than events"))
      return
    }
    if (type === 'message_stop' || type === 'error') this.#over = true
    // Line ends can only stand between JSON's tokens, where a blank means the same.
    this.push(`event: ${type}\ndata: ${event.text.replaceAll(/[\r\n]+/g, ' ')}\n\n`)
  }
}
