import type { Duplex, Readable } from 'node:stream'
import { type Head, readBytes, readHead, readToEnd } from '../support/raw-client.ts'

/** One answer as it stood on the wire, its framing undone. */
export interface Answer {
  readonly head: Head
  readonly status: number
  readonly body: Buffer
  readonly text: string
  /** Lower-case name and value, in order. */
  readonly trailers: readonly string[]
}

/** A request head as text, complete with its empty line. */
export function requestText(
  startLine: string,
  headers: readonly string[],
  body: string | Buffer = '',
): Buffer {
  const head = [`${startLine} HTTP/1.1`, ...headers].join('\r\n')
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`, 'latin1'), Buffer.from(body)])
}

/** A JSON POST with its length. */
export function post(
  path: string,
  host: string,
  body: string | Buffer,
  headers: readonly string[] = [],
): Buffer {
  const length = `Content-Length: ${Buffer.byteLength(body)}`
  return requestText(
    `POST ${path}`,
    [`Host: ${host}`, 'Content-Type: application/json', length, ...headers],
    body,
  )
}

export function get(path: string, host: string, headers: readonly string[] = []): Buffer {
  return requestText(`GET ${path}`, [`Host: ${host}`, ...headers])
}

/** Writes a request and reads its answer; the connection is kept. */
export async function exchangeOn(socket: Duplex, request: Buffer): Promise<Answer> {
  socket.write(request)
  return await readAnswer(socket, request.subarray(0, 4).toString() === 'HEAD')
}

/** Reads one whole answer, whichever way it is framed; what follows stays unread. */
export async function readAnswer(socket: Readable, toHead = false): Promise<Answer> {
  const head = await readHead(socket)
  const { body, trailers } = await readBody(socket, head, toHead)
  return { head, status: head.status, body, text: body.toString(), trailers }
}

async function readBody(
  socket: Readable,
  head: Head,
  toHead: boolean,
): Promise<{ body: Buffer; trailers: string[] }> {
  const none = toHead || head.status < 200 || head.status === 204 || head.status === 304
  if (none) return { body: Buffer.alloc(0), trailers: [] }
  if (head.header('transfer-encoding') === 'chunked') return await readChunked(socket)
  const length = head.header('content-length')
  const body =
    length === undefined ? await readToEnd(socket) : await readBytes(socket, Number(length))
  return { body, trailers: [] }
}

async function readChunked(socket: Readable): Promise<{ body: Buffer; trailers: string[] }> {
  const chunks: Buffer[] = []
  for (;;) {
    const size = Number.parseInt(await readLine(socket), 16)
    if (size === 0) break
    chunks.push(await readBytes(socket, size))
    await readLine(socket)
  }
  const trailers: string[] = []
  for (;;) {
    const line = await readLine(socket)
    if (line === '') return { body: Buffer.concat(chunks), trailers }
    const colon = line.indexOf(':')
    trailers.push(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
  }
}

async function readLine(socket: Readable): Promise<string> {
  let line = ''
  while (!line.endsWith('\r\n')) line += (await readBytes(socket, 1)).toString('latin1')
  return line.slice(0, -2)
}
