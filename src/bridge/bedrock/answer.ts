import { pipeline, Readable } from 'node:stream'
import type { Reply } from '../../kernel/flow.ts'
import { filterHeaders, firstHeader, type RawHeaders } from '../../kernel/headers.ts'
import { anthropicError } from '../providers/dialects.ts'
import { asName, parseObject } from '../usage/json-value.ts'
import { SseFromEventStream } from './events.ts'

type Answer = Extract<Reply, { kind: 'response' }>

const MAX_ERROR_BYTES = 64 * 1024

/** Bedrock's answer to a translated request as one of Anthropic's. */
export async function anthropicAnswer(answer: Answer): Promise<Answer> {
  if (answer.status >= 400) return await anthropicFailure(answer)
  const headers = [...answer.headers, ...requestId(answer.headers)]
  const type = firstHeader(answer.headers, 'content-type') ?? ''
  if (!type.startsWith('application/vnd.amazon.eventstream')) return { ...answer, headers }
  const body = new SseFromEventStream()
  // Whichever side breaks, the other one does too; who reads it hears of it.
  pipeline(answer.body, body, () => {})
  const { status, statusText } = answer
  return { kind: 'response', status, statusText, headers: withType(headers, SSE), body }
}

const SSE = ['Content-Type', 'text/event-stream; charset=utf-8', 'Cache-Control', 'no-cache']

/** Amazon says `{"message"}`, and the kind of error in a header. */
async function anthropicFailure({ body, ...answer }: Answer): Promise<Answer> {
  const text = await readStart(body)
  const kind = firstHeader(answer.headers, 'x-amzn-errortype')?.split(':', 1)[0]
  const value = parseObject(text)
  const said = asName(value?.['message']) ?? asName(value?.['Message'])
  const content = Buffer.from(anthropicError(answer.status, said ?? kind ?? 'Bedrock refused'))
  const headers = [
    ...withType(answer.headers, ['Content-Type', 'application/json']),
    ...requestId(answer.headers),
    'Content-Length',
    String(content.length),
  ]
  return {
    ...answer,
    headers,
    body: Readable.from([content], { objectMode: false }),
    untilClose: false,
  }
}

async function readStart(body: Readable): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    length += chunk.length
    if (length > MAX_ERROR_BYTES) break
  }
  return Buffer.concat(chunks).toString()
}

function withType(headers: RawHeaders, added: readonly string[]): string[] {
  const kept = filterHeaders(headers, name => name !== 'content-type' && name !== 'content-length')
  return [...kept, ...added]
}

/** Under the name by which Anthropic's clients report it. */
function requestId(headers: RawHeaders): string[] {
  const id = firstHeader(headers, 'x-amzn-requestid')
  return id === undefined ? [] : ['request-id', id]
}
