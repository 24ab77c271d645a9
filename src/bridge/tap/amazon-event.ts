import { asName, asObject, asText, parseObject } from '../usage/json-value.ts'
import type { EventStreamMessage } from './event-stream-parser.ts'

/** What a message of Bedrock's stream says. */
export type AmazonEvent =
  /** JSON text of the model's own event. */
  | { readonly kind: 'event'; readonly text: string }
  | { readonly kind: 'error'; readonly type: string; readonly message: string | undefined }

/**
 * Bedrock carries the model's own event as base64 in `bytes`
 * (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html);
 * an exception takes the place of an event.
 */
export function amazonEvent({ headers, payload }: EventStreamMessage): AmazonEvent {
  const text = payload.toString()
  const value = parseObject(text)
  const kind = headers.get(':message-type') ?? 'event'
  if (kind !== 'event') {
    const type = headers.get(':exception-type') ?? headers.get(':error-code') ?? kind
    const message = asName(value?.['message']) ?? headers.get(':error-message')
    return { kind: 'error', type, message }
  }
  const bytes = asText(asObject(value?.['chunk'])?.['bytes']) ?? asText(value?.['bytes'])
  return { kind, text: bytes === undefined ? text : Buffer.from(bytes, 'base64').toString() }
}
