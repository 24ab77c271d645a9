import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { Refusal } from '../../kernel/error.ts'
import { FloodBudget } from '../../kernel/flood-budget.ts'
import type { RawHeaders } from '../../kernel/headers.ts'
import type { Reason } from '../../kernel/reasons.ts'
import { inRounds } from '../../kernel/rounds.ts'
import type { Interception } from '../call.ts'
import {
  type Connection,
  emitUnparsed,
  KEEP_ALIVE_MS,
  type Serve,
  type ServeDeps,
} from '../connection.ts'
import { watchHeads } from '../head-watch.ts'
import { STREAM_WINDOW } from './request-body.ts'
import { serveStream } from './serve.ts'

/** What RFC 9113 6.5.2 calls the least that is not too small; agents need about five. */
const MAX_STREAMS = 100

/**
 * Calls that the bridge still works on, whatever became of their streams: a
 * stream that is reset gives its place back at once (CVE-2023-44487).
 */
const MAX_UNSETTLED = 2 * MAX_STREAMS

/** Node gives this back as bytes arrive, so that no stream holds up another. */
const CONNECTION_WINDOW = 4 * STREAM_WINDOW

/** What RFC 9113 6.5.2 counts for each field beside its bytes. */
const FIELD_OVERHEAD = 32
/** `:method`, `:scheme`, `:authority`, `:path`. */
const PSEUDO_FIELDS = 4

/** Megabytes; beyond it Node refuses new streams. All of them may have an answer queued. */
const SESSION_MEMORY = 32

/**
 * Fields that should stand alone and come twice are relayed as over HTTP/1.1; one
 * with a blank at an end would be left out without a word, so that we must refuse it.
 */
const AS_SENT = { strictSingleValueFields: false, strictFieldWhitespaceValidation: false }

const CHECK_MS = 500
/** How long a client that broke the protocol may take to read what was under way. */
const LEAVING_MS = 60_000
/** How long one that waits for its last answers may take to acknowledge SETTINGS. */
const SETTINGS_ACK_MS = 30_000
/** How long a client may take to close after our own end. */
const LINGER_MS = 1000

/** HTTP/2 over decrypted connections. */
export function createHttp2(deps: ServeDeps): Serve {
  return (socket, interception) => new Http2Connection(deps, interception, socket)
}

/** One HTTP/2 connection: its session, and what is under way on it. */
class Http2Connection implements Connection {
  readonly interception: Interception
  readonly flood = new FloodBudget(performance.now())
  calls = 0
  readonly #deps: ServeDeps
  readonly #socket: TLSSocket
  readonly #session: ServerHttp2Session
  readonly #streams = new Set<ServerHttp2Stream>()
  readonly #cleanup = new DisposableStack()
  #unsettled = 0

  constructor(deps: ServeDeps, interception: Interception, socket: TLSSocket) {
    this.#deps = deps
    this.interception = interception
    this.#socket = socket
    this.#session = openSession(socket, deps)
    this.#session.on('error', error => this.#failed(error))
    this.#session.on('stream', (stream, _headers, flags, raw) => this.#serve(stream, flags, raw))
    this.#session.once('goaway', () => this.#watchLeaving())
    // Half-open as every socket of the proxy's port: nobody else would answer an end.
    socket.once('end', () => this.#end())
    socket.once('finish', () => this.#cutOff(LINGER_MS))
    this.#watch()
  }

  drain(): void {
    this.#session.close()
  }

  [Symbol.dispose](): void {
    this.#cleanup.dispose()
  }

  #watch(): void {
    const { headTimeoutMs: headMs } = this.#deps.limits
    const watch = this.#cleanup.use(
      watchHeads(
        {
          bytesRead: () => this.#socket.bytesRead,
          busy: () => this.#streams.size > 0,
          // Many clients (httpx) read nothing between calls, PINGs included, and
          // send a last window update behind one.
          mayBeHead: () => this.calls === 0,
        },
        { headMs, idleMs: KEEP_ALIVE_MS },
        {
          // Whoever is in the middle of a head cannot answer a PING (RFC 9113 4.3);
          // other frames may come at any time.
          begun: () => {
            if (!this.#session.destroyed) this.#session.ping(() => watch.settle())
          },
          slow: () => this.#refuse('head_timeout', constants.NGHTTP2_CANCEL),
          idle: () => this.drain(),
        },
      ),
    )
    const rounds = inRounds(CHECK_MS, () => {
      if (!this.#session.destroyed) return this.#checkFlood()
      rounds[Symbol.dispose]()
      this.#cutOff(LEAVING_MS)
    })
    this.#cleanup.use(rounds)
  }

  #serve(stream: ServerHttp2Stream, flags: number, raw: RawHeaders): void {
    stream.on('error', () => {})
    if (this.#unsettled >= MAX_UNSETTLED) {
      this.#refuse('flood', constants.NGHTTP2_ENHANCE_YOUR_CALM)
      return
    }
    this.calls += 1
    this.#unsettled += 1
    this.#streams.add(stream)
    this.flood.earn(raw.reduce((bytes, text) => bytes + text.length, 0))
    stream.once('close', () => {
      this.flood.earn(stream.readableLength)
      this.#streams.delete(stream)
    })
    const hasBody = (flags & constants.NGHTTP2_FLAG_END_STREAM) === 0
    const isShared = this.#streams.size > 1
    void serveStream(this.#deps, this, { stream, raw, hasBody, isShared }).finally(() => {
      this.#unsettled -= 1
    })
  }

  /**
   * SECURITY: where a client breaks the protocol after its GOAWAY, Node stops
   * reading although streams are open, and sees no end of the connection: its
   * calls would be held for ever. Whoever waits for an answer reads, and has to
   * acknowledge SETTINGS (RFC 9113 6.5.3), however long a provider is thinking;
   * Node sends no PING on a session that is about to close.
   */
  #watchLeaving(): void {
    let before = this.#socket.bytesRead
    const ask = (): void => void (this.#session.destroyed || this.#session.settings({}))
    const timer = setInterval(() => {
      const { bytesRead } = this.#socket
      if (bytesRead === before) this.#end()
      before = bytesRead
      ask()
    }, SETTINGS_ACK_MS).unref()
    this.#socket.once('close', () => clearInterval(timer))
    ask()
  }

  #checkFlood(): void {
    let waiting = 0
    for (const stream of this.#streams) waiting += stream.readableLength
    if (this.flood.allows(this.#socket.bytesRead, waiting, performance.now())) return
    this.#refuse('flood', constants.NGHTTP2_ENHANCE_YOUR_CALM)
  }

  /** Ends the connection with everything on it. */
  #refuse(reason: Reason, code: number, detail?: string): void {
    if (this.#session.destroyed) return
    emitUnparsed(this.#deps.emit, this.interception, reason, detail)
    this.#end(new Refusal(reason), code)
  }

  #end(error?: Refusal, code?: number): void {
    this.#session.destroy(error, code)
    this.#cutOff(LINGER_MS)
  }

  /**
   * SECURITY: a session that is destroyed waits for what it was writing, for ever
   * where the client has gone or takes nothing; the connection would count until then.
   */
  #cutOff(ms: number): void {
    const timer = setTimeout(() => this.#socket.destroy(), ms).unref()
    this.#socket.once('close', () => clearTimeout(timer))
  }

  /** The session is gone by now, and its streams with it. */
  #failed(error: NodeJS.ErrnoException): void {
    // The client broke off, or closed with an error code of its own: its affair.
    const own = error.code?.startsWith('ERR_HTTP2_') === true
    if (!own || error.code === 'ERR_HTTP2_SESSION_ERROR') return
    emitUnparsed(this.#deps.emit, this.interception, 'request_malformed', error.message)
  }
}

function openSession(socket: TLSSocket, { limits }: ServeDeps): ServerHttp2Session {
  // Node says so of sockets of its own servers only; a session would wait for it for ever.
  Object.assign(socket, { secureConnecting: false })
  const { headBytes, headCount } = limits
  const session = performServerHandshake(socket, {
    // Somewhat beyond what is accepted, so that most of what is too large gets an
    // answer (431) rather than a reset. Cookies may come in crumbs.
    maxSessionMemory: SESSION_MEMORY,
    ...AS_SENT,
    maxHeaderListPairs: 2 * headCount + PSEUDO_FIELDS,
    settings: {
      maxConcurrentStreams: MAX_STREAMS,
      initialWindowSize: STREAM_WINDOW,
      maxHeaderListSize: headBytes + headCount * FIELD_OVERHEAD,
    },
  })
  session.setLocalWindowSize(CONNECTION_WINDOW)
  return session
}
