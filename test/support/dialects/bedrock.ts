import { crc32 } from 'node:zlib'
import type { JsonObject } from '../json.ts'
import type { Answer, ToolCall } from './answer.ts'
import { anthropicAnswer } from './anthropic.ts'

const INVOKE = /^\/model\/([^/]+)\/(invoke|invoke-with-response-stream)$/

/** Amazon Bedrock's InvokeModel for Claude; refuses what Bedrock refuses. */
export function bedrockAnswer(
  method: string,
  path: string,
  request: JsonObject,
  toolCall?: ToolCall,
): Answer | undefined {
  const [, model = '', action] = INVOKE.exec(path) ?? []
  if (method !== 'POST' || action === undefined) return undefined
  const isForeign = ['model', 'stream'].some(name => name in request)
  if (isForeign || request['anthropic_version'] !== 'bedrock-2023-05-31') return undefined

  const stream = action !== 'invoke'
  const asked = { ...request, model: decodeURIComponent(model), stream }
  const answer = anthropicAnswer('POST', '/v1/messages', asked, toolCall)
  if (answer === undefined || !stream) return answer
  const events = answer.chunks.map(chunk => /^data: (.*)$/m.exec(String(chunk))?.[1] ?? '')
  return {
    contentType: 'application/vnd.amazon.eventstream',
    // Bedrock sends no pings.
    chunks: events.filter(text => text !== '{"type":"ping"}').map(chunkFrame),
  }
}

export function bedrockError(_status: number, text: string): string {
  return JSON.stringify({ message: text })
}

function chunkFrame(event: string): Buffer {
  const headers = { ':event-type': 'chunk', ':content-type': 'application/json' }
  const bytes = Buffer.from(event).toString('base64')
  return eventFrame({ ...headers, ':message-type': 'event' }, JSON.stringify({ bytes, p: 'abc' }))
}

/** One message of `application/vnd.amazon.eventstream`. */
export function eventFrame(headers: Readonly<Record<string, string>>, payload: string): Buffer {
  const head = Buffer.concat(Object.entries(headers).map(([name, value]) => header(name, value)))
  return frameOf(head, Buffer.from(payload))
}

/** The same with headers that are bytes already. */
export function frameOf(head: Buffer, body: Buffer): Buffer {
  const total = 16 + head.length + body.length
  const bytes = Buffer.alloc(total)
  bytes.writeUInt32BE(total, 0)
  bytes.writeUInt32BE(head.length, 4)
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 8)), 8)
  head.copy(bytes, 12)
  body.copy(bytes, 12 + head.length)
  bytes.writeUInt32BE(crc32(bytes.subarray(0, total - 4)), total - 4)
  return bytes
}

function header(name: string, value: string): Buffer {
  const bytes = Buffer.alloc(4 + name.length + value.length)
  bytes[0] = name.length
  bytes.write(name, 1)
  bytes[1 + name.length] = 7
  bytes.writeUInt16BE(value.length, 2 + name.length)
  bytes.write(value, 4 + name.length)
  return bytes
}
