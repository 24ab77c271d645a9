import type { ServerResponse } from 'node:http'
import { STATUS_CODES } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { errorCode } from '../kernel/error.ts'
import { isBehindLast } from '../relay/pipeline.ts'

export interface Body {
  readonly status: number
  readonly type: string
  readonly content: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Every answer: not cached, since it may hold secrets or state, and never sniffed. */
export function respond(response: ServerResponse, body: Body): void {
  if (isBehindLast(response)) return
  response.writeHead(body.status, {
    'Content-Type': body.type,
    'Content-Length': Buffer.byteLength(body.content),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...body.headers,
  })
  response.end(body.content)
}

export function respondText(response: ServerResponse, status: number, content: string): void {
  respond(response, { status, type: 'text/plain; charset=utf-8', content })
}

export function respondJson(response: ServerResponse, status: number, value: unknown): void {
  respond(response, { status, type: JSON_TYPE, content: `${JSON.stringify(value)}\n` })
}

/**
 * A body that is made while it is sent, as fast as the client reads. Its first
 * part is made before the head goes out, so that what fails at once can still
 * be answered; what fails later breaks the connection.
 */
export async function respondStream(
  response: ServerResponse,
  type: string,
  parts: AsyncIterable<string>,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const iterator = parts[Symbol.asyncIterator]()
  const first = await iterator.next()
  async function* all(): AsyncGenerator<string> {
    if (first.done === true) return
    yield first.value
    yield* { [Symbol.asyncIterator]: () => iterator }
  }
  response.writeHead(200, {
    'Content-Type': type,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...headers,
  })
  if (response.req.method === 'HEAD') {
    response.end()
    await iterator.return?.()
    return
  }
  try {
    await pipeline(all, response)
  } catch (error) {
    // A client that goes is no failure of ours.
    if (errorCode(error) !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
  }
}

/** Coder's envelope. */
export interface ErrorAnswer {
  readonly status: number
  readonly message: string
  readonly detail?: string
  readonly validations?: readonly { readonly field: string; readonly detail: string }[]
  readonly headers?: Readonly<Record<string, string>>
}

/** An error in Coder's envelope; 503 gets a `Retry-After`. */
export function respondError(response: ServerResponse, answer: ErrorAnswer): void {
  const { status, headers, ...envelope } = answer
  const content = `${JSON.stringify(envelope)}\n`
  const later = status === 503 ? { 'Retry-After': '1' } : {}
  respond(response, { status, type: JSON_TYPE, content, headers: { ...later, ...headers } })
}

/** The same for a connection whose request could not be read; it is closed after. */
export function rawError(status: number): string {
  const content = `${JSON.stringify({ message: STATUS_CODES[status] })}\n`
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `Content-Type: ${JSON_TYPE}`,
    `Content-Length: ${Buffer.byteLength(content)}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    'Connection: close',
    '',
    content,
  ].join('\r\n')
}

const JSON_TYPE = 'application/json; charset=utf-8'
