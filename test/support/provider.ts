import { once } from 'node:events'
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { Server, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { firstHeader, headerValues } from '../../src/kernel/headers.ts'
import { listenOnLoopback } from './listen.ts'
import { testPki } from './pki.ts'
import { answerRequest } from './provider-answer.ts'
import { type Behaviour, type Exchange, Recorded, wallClock } from './provider-exchange.ts'
import { answerUpgrade } from './provider-websocket.ts'

export interface ProviderOptions {
  /** False: plain HTTP. TLS otherwise, with `testPki()`'s certificate for `localhost`. */
  readonly tls?: boolean
  /** Names in the certificate beside `localhost`. */
  readonly names?: readonly string[]
  /** Milliseconds between two events of a stream; 40 unless given. */
  readonly gapMs?: number
  /** Called with the head of each request; what it returns overrides the defaults. */
  readonly behaviour?: (exchange: Exchange, index: number) => Behaviour | undefined
}

/** An AI provider on loopback that answers every dialect and forgets nothing. */
export interface Provider extends AsyncDisposable {
  readonly port: number
  /** `https://localhost:PORT`, or `http://127.0.0.1:PORT` without TLS. */
  readonly url: string
  /** Every request so far, oldest first; entries go on changing until they end. */
  readonly exchanges: readonly Exchange[]
  /** How many connections were accepted so far. */
  readonly connections: number
  /** Where each of them came from, in order. */
  readonly peers: readonly string[]
  /** Replaces the `behaviour` option from now on. */
  script(behaviour: ProviderOptions['behaviour']): void
  /** The next request whose head arrives after this call. */
  nextExchange(): Promise<Exchange>
  /** Resolves once the exchange's answer was sent or its caller has gone. */
  ended(exchange: Exchange): Promise<void>
  /** Whether `text` is in any header of any request: for keys that must not leak. */
  sawInHeaders(text: string): boolean
}

/** Starts the stub on a free port of loopback. */
export async function startProvider(options: ProviderOptions = {}): Promise<Provider> {
  const state: State = {
    exchanges: [],
    sockets: new Map(),
    accepted: 0,
    peers: [],
    waiting: [],
    closers: new WeakMap(),
    behaviour: options.behaviour,
    gapMs: options.gapMs ?? 40,
  }
  const server = createServer(options.tls === false ? undefined : (options.names ?? []), state)
  const port = await listenOnLoopback(server)

  return {
    port,
    url: options.tls === false ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
    exchanges: state.exchanges,
    peers: state.peers,
    get connections(): number {
      return state.accepted
    },
    script: behaviour => {
      state.behaviour = behaviour
    },
    nextExchange: () => new Promise(resolve => state.waiting.push(resolve)),
    ended: exchange => state.closers.get(exchange)?.promise ?? Promise.resolve(),
    sawInHeaders: text =>
      state.exchanges.some(({ rawHeaders }) => rawHeaders.some(part => part.includes(text))),
    [Symbol.asyncDispose]: async () => {
      for (const socket of state.sockets.keys()) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

interface State {
  readonly exchanges: Exchange[]
  readonly sockets: Map<Duplex, number>
  accepted: number
  readonly peers: string[]
  readonly waiting: ((exchange: Exchange) => void)[]
  readonly closers: WeakMap<Exchange, PromiseWithResolvers<void>>
  behaviour: ProviderOptions['behaviour']
  readonly gapMs: number
}

function createServer(names: readonly string[] | undefined, state: State): Server {
  const tls = names !== undefined
  const certificate = tls ? testPki().issue(['localhost', '127.0.0.1', '::1', ...names]) : undefined
  const options = { keepAliveTimeout: 60_000, requestTimeout: 0 }
  const server = certificate
    ? createHttpsServer({ ...options, cert: certificate.certPem, key: certificate.keyPem })
    : createHttpServer(options)

  server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
    state.sockets.set(socket, ++state.accepted)
    state.peers.push(socket.remoteAddress ?? '')
    socket.on('error', () => socket.destroy())
    socket.once('close', () => state.sockets.delete(socket))
  })
  server.on('request', (req, res) => serve(state, req, res))
  server.on('checkContinue', (req, res) => serve(state, req, res))
  server.on('upgrade', (req, socket, head) => {
    const { exchange, behaviour } = begin(state, req)
    socket.once('close', () => finish(state, exchange))
    answerUpgrade(exchange, behaviour, { req, socket, head })
  })
  return server
}

function serve(state: State, req: IncomingMessage, res: ServerResponse): void {
  const { exchange, behaviour } = begin(state, req)
  res.once('finish', () => {
    exchange.outcome = 'sent'
  })
  res.once('close', () => finish(state, exchange))

  if (exchange.expectedContinue && behaviour.refuseExpect !== undefined) {
    exchange.status = behaviour.refuseExpect
    res.writeHead(behaviour.refuseExpect, { 'content-length': 0, connection: 'close' }).end()
    return
  }
  if (exchange.expectedContinue) res.writeContinue()
  // A caller that leaves in the middle of its request is an outcome, not a fault.
  answerRequest(exchange, behaviour, { req, res }).catch(() => res.destroy())
}

function begin(state: State, req: IncomingMessage): { exchange: Exchange; behaviour: Behaviour } {
  const { method = '', url: path = '', rawHeaders } = req
  const exchange: Exchange = {
    method,
    path,
    rawHeaders,
    connection: state.sockets.get(req.socket) ?? 0,
    receivedAt: wallClock(),
    webSocket: headerValues(rawHeaders, 'upgrade').length > 0,
    expectedContinue: firstHeader(rawHeaders, 'expect') !== undefined,
    request: new Recorded(),
    rawTrailers: [],
    response: new Recorded(),
    status: 0,
    events: [],
    outcome: 'open',
  }
  state.closers.set(exchange, Promise.withResolvers())
  const behaviour = { gapMs: state.gapMs, ...state.behaviour?.(exchange, state.exchanges.length) }
  state.exchanges.push(exchange)
  for (const resolve of state.waiting.splice(0)) resolve(exchange)
  return { exchange, behaviour }
}

function finish(state: State, exchange: Exchange): void {
  if (exchange.outcome === 'open') exchange.outcome = 'closed'
  state.closers.get(exchange)?.resolve()
}
