import { once } from 'node:events'
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { connect as connectTcp, type Socket } from 'node:net'
import type { Duplex, Readable } from 'node:stream'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'

export interface Head {
  /** The first line, without its line end. */
  readonly startLine: string
  /** 0 when the first line is no status line. */
  readonly status: number
  /** Lower-case name, value; in order, duplicates kept. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly text: string
  header(name: string): string | undefined
}

export interface HostPort {
  readonly host: string
  readonly port: number
}

const HEAD_END = '\r\n\r\n'
const HEAD_LIMIT = 64 * 1024

/** A plain connection; half-open, so that the other side's end is seen as such. */
export async function connectRaw(to: HostPort): Promise<Socket> {
  const socket = connectTcp({ ...to, allowHalfOpen: true })
  await once(socket, 'connect')
  socket.on('error', () => socket.destroy())
  return socket
}

/** Reads up to the empty line; what follows stays unread in the socket. */
export async function readHead(socket: Readable): Promise<Head> {
  let seen = Buffer.alloc(0)
  for (;;) {
    const chunk = await readSome(socket)
    if (chunk === undefined) throw new Error(`ended within a head: ${seen.toString('latin1')}`)
    seen = Buffer.concat([seen, chunk])

    const end = seen.indexOf(HEAD_END)
    if (end >= 0) {
      const rest = seen.subarray(end + HEAD_END.length)
      if (rest.length > 0) socket.unshift(rest)
      return parseHead(seen.subarray(0, end).toString('latin1'))
    }
    if (seen.length > HEAD_LIMIT) throw new Error('no end of head within 64 KiB')
  }
}

/** Reads exactly `size` bytes; what follows stays unread. */
export async function readBytes(socket: Readable, size: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  while (length < size) {
    const chunk = await readSome(socket)
    if (chunk === undefined) throw new Error(`ended after ${length} of ${size} bytes`)
    chunks.push(chunk)
    length += chunk.length
  }
  const seen = chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks)
  if (length > size) socket.unshift(seen.subarray(size))
  return seen.subarray(0, size)
}

/** Everything until the other side ends or resets. */
export async function readToEnd(socket: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for (;;) {
    const chunk = await readSome(socket)
    if (chunk === undefined) return Buffer.concat(chunks)
    chunks.push(chunk)
  }
}

export interface ConnectOptions {
  /** Basic credentials, `user:password`; none are sent unless given. */
  readonly credentials?: string
  /** Further header lines, without line ends. */
  readonly headers?: readonly string[]
  /** `HTTP/1.1` unless given. */
  readonly version?: string
  /** Bytes that leave in the same write as the head. */
  readonly early?: Buffer | string
}

/** Sends CONNECT for `authority` and reads the answer's head; 200 or not. */
export async function connectThrough(
  proxy: HostPort,
  authority: string,
  options: ConnectOptions = {},
): Promise<{ readonly head: Head; readonly socket: Socket }> {
  const { credentials, headers = [], version = 'HTTP/1.1', early = '' } = options
  const socket = await connectRaw(proxy)

  const lines = [`CONNECT ${authority} ${version}`, `Host: ${authority}`, ...headers]
  if (credentials !== undefined) {
    lines.push(`Proxy-Authorization: Basic ${Buffer.from(credentials).toString('base64')}`)
  }
  socket.write(Buffer.concat([Buffer.from(lines.join('\r\n') + HEAD_END), Buffer.from(early)]))
  return { head: await readHead(socket), socket }
}

/** TLS over an open connection; rejects with the handshake's error. */
export async function secureOver(
  socket: Socket,
  options: Omit<ConnectionOptions, 'socket'>,
): Promise<TLSSocket> {
  const secure = connectTls({ ...options, socket })
  await once(secure, 'secureConnect')
  secure.on('error', () => secure.destroy())
  return secure
}

/** Starts an HTTP/1.1 request on an open connection; write the body, then `end()`. */
export function requestOver(
  socket: Duplex,
  options: {
    readonly method?: string
    readonly path: string
    readonly headers?: Readonly<Record<string, string | readonly string[]>>
  },
): ClientRequest {
  const { headers = {}, ...rest } = options
  const copied = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : [...value],
    ]),
  )
  return httpRequest({ ...rest, headers: copied, createConnection: () => socket })
}

/** Ends the request with `body` and waits for the answer's head. */
export async function responseTo(
  request: ClientRequest,
  body?: string | Buffer,
): Promise<IncomingMessage> {
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve)
    request.once('error', reject)
  })
  request.end(body)
  return response
}

function parseHead(text: string): Head {
  const [startLine = '', ...lines] = text.split('\r\n')
  const headers = lines.map(line => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
  })
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(startLine)?.[1] ?? 0)
  const header = (name: string): string | undefined => headers.find(([key]) => key === name)?.[1]
  return { startLine, status, headers, text, header }
}

/** The next bytes, or undefined at the end; leaves the socket in paused mode. */
async function readSome(socket: Readable): Promise<Buffer | undefined> {
  for (;;) {
    const chunk: unknown = socket.read()
    if (Buffer.isBuffer(chunk)) return chunk
    if (socket.readableEnded || socket.destroyed) return undefined
    await readableOrOver(socket)
  }
}

function readableOrOver(socket: Readable): Promise<void> {
  const events = ['readable', 'end', 'close', 'error'] as const
  return new Promise(resolve => {
    const done = (): void => {
      for (const event of events) socket.off(event, done)
      resolve()
    }
    for (const event of events) socket.on(event, done)
  })
}
