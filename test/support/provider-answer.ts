import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { createGzip, gzipSync } from 'node:zlib'
import { firstHeader } from '../../src/kernel/headers.ts'
import { isSigned } from './aws-signature.ts'
import type { Answer, ToolCall } from './dialects/answer.ts'
import { anthropicAnswer, anthropicError } from './dialects/anthropic.ts'
import { bedrockAnswer, bedrockError } from './dialects/bedrock.ts'
import { geminiAnswer, geminiError } from './dialects/gemini.ts'
import { openaiAnswer, openaiError } from './dialects/openai.ts'
import { endsWithToolResult } from './dialects/tool-result.ts'
import { type JsonObject, parseJsonObject } from './json.ts'
import { type Behaviour, type Exchange, type SentEvent, wallClock } from './provider-exchange.ts'

/** Reads the request, then answers it in the dialect that its path speaks. */
export async function answerRequest(
  exchange: Exchange,
  behaviour: Behaviour,
  message: { readonly req: IncomingMessage; readonly res: ServerResponse },
): Promise<void> {
  const { req, res } = message
  req.on('data', (chunk: Buffer) => exchange.request.add(chunk))
  await once(req, 'end')
  exchange.rawTrailers = req.rawTrailers

  const planned = plan(exchange, behaviour)
  exchange.status = planned.status
  if (behaviour.earlyHint !== undefined) res.writeEarlyHints({ link: behaviour.earlyHint })
  if (behaviour.cutAfter === 0) {
    res.destroy()
    return
  }
  if (behaviour.stallAfter === 0) return

  const { chunks, headers } = encode(planned, behaviour)
  res.writeHead(planned.status, headers)
  await writeChunks(exchange, behaviour, { res, chunks })
}

interface Planned {
  readonly status: number
  readonly contentType: string
  readonly chunks: readonly (string | Buffer)[]
}

function plan(exchange: Exchange, behaviour: Behaviour): Planned {
  if (behaviour.pieces !== undefined) {
    const contentType = behaviour.contentType ?? 'application/json'
    return { status: behaviour.status ?? 200, contentType, chunks: behaviour.pieces }
  }

  const path = exchange.path.split('?')[0] ?? ''
  const dialect = dialectOf(exchange, path)
  const failed = (status: number, text: string): Planned => {
    return { status, contentType: 'application/json', chunks: [dialect.error(status, text)] }
  }
  if (dialect === BEDROCK && !isSigned(exchange)) return failed(403, BAD_SIGNATURE)
  if (behaviour.status !== undefined) return failed(behaviour.status, 'scripted by the test')

  const request = parseJsonObject(exchange.request.text)
  const isDone = endsWithToolResult(request) && behaviour.insists !== true
  const toolCall = isDone ? undefined : behaviour.toolCall
  const answer = dialect.answer(exchange.method, path, request, toolCall)
  return answer === undefined ? failed(404, `no such path: ${path}`) : { status: 200, ...answer }
}

const BAD_SIGNATURE =
  'The request signature we calculated does not match the signature you provided.'

interface Dialect {
  answer(
    method: string,
    path: string,
    request: JsonObject,
    toolCall: ToolCall | undefined,
  ): Answer | undefined
  error(status: number, text: string): string
}

const ANTHROPIC: Dialect = { answer: anthropicAnswer, error: anthropicError }
const OPENAI: Dialect = { answer: openaiAnswer, error: openaiError }
const BEDROCK: Dialect = { answer: bedrockAnswer, error: bedrockError }
const GEMINI: Dialect = { answer: geminiAnswer, error: geminiError }

/** Anthropic's client asks for much outside `/v1`; the others do not. */
function dialectOf(exchange: Exchange, path: string): Dialect {
  if (path.startsWith('/model/')) return BEDROCK
  if (/:\w+$/.test(path)) return GEMINI
  if (path.startsWith('/v1/messages') || path.startsWith('/api/')) return ANTHROPIC
  return firstHeader(exchange.rawHeaders, 'anthropic-version') === undefined ? OPENAI : ANTHROPIC
}

function encode(
  planned: Planned,
  behaviour: Behaviour,
): { chunks: readonly (string | Buffer)[]; headers: Record<string, string | number> } {
  const compress = behaviour.gzip === true
  const single = planned.chunks.length === 1
  const chunks = compress && single ? planned.chunks.map(chunk => gzipSync(chunk)) : planned.chunks
  const [only] = chunks
  const fixed = single && only !== undefined && behaviour.trailers === undefined

  const headers: Record<string, string | number> = {
    'content-type': planned.contentType,
    'request-id': 'req_local',
    ...(fixed ? { 'content-length': Buffer.byteLength(only) } : {}),
    ...(compress ? { 'content-encoding': 'gzip' } : {}),
    ...(behaviour.trailers ? { trailer: Object.keys(behaviour.trailers).join(', ') } : {}),
    ...behaviour.headers,
  }
  return { chunks, headers }
}

async function writeChunks(
  exchange: Exchange,
  behaviour: Behaviour,
  out: { readonly res: ServerResponse; readonly chunks: readonly (string | Buffer)[] },
): Promise<void> {
  const { res, chunks } = out
  const encoder = behaviour.gzip === true && chunks.length > 1 ? zipped() : PLAIN

  for (const [index, chunk] of chunks.entries()) {
    if (behaviour.stallAfter === index && index > 0) return
    if (behaviour.cutAfter === index && index > 0) {
      res.destroy()
      return
    }
    if (index > 0) await delay(behaviour.gapMs ?? 0)
    if (res.destroyed) return

    const bytes = await encoder.encode(chunk)
    exchange.events.push(sentEvent(chunk))
    exchange.response.add(bytes)
    if (!res.write(bytes)) await drained(res)
  }

  const rest = await encoder.finish()
  exchange.response.add(rest)
  if (rest.length > 0) res.write(rest)
  if (behaviour.trailers) res.addTrailers(behaviour.trailers)
  res.end()
}

/** Read as text only where somebody asks: megabytes of no text take their time. */
function sentEvent(chunk: string | Buffer): SentEvent {
  return {
    at: wallClock(),
    get text() {
      return chunk.toString()
    },
  }
}

function drained(res: ServerResponse): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      res.off('drain', done).off('close', done)
      resolve()
    }
    res.on('drain', done).on('close', done)
  })
}

/** One gzip stream over all events, flushed after each so that none waits. */
function zipped(): Encoder {
  const gzip = createGzip()
  const ready: Buffer[] = []
  gzip.on('data', (bytes: Buffer) => ready.push(bytes))
  const taken = (): Buffer => Buffer.concat(ready.splice(0))

  return {
    encode: async chunk => {
      await new Promise(resolve => gzip.write(chunk, resolve))
      await new Promise<void>(resolve => gzip.flush(() => resolve()))
      return taken()
    },
    finish: async () => {
      gzip.end()
      await once(gzip, 'end')
      return taken()
    },
  }
}

interface Encoder {
  encode(chunk: string | Buffer): Promise<string | Buffer>
  finish(): Promise<string | Buffer>
}

const PLAIN: Encoder = { encode: async chunk => chunk, finish: async () => '' }
