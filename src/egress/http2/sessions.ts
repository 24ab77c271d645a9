import { type ClientHttp2Session, connect } from 'node:http2'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { Refusal } from '../../kernel/error.ts'
import type { Opened } from '../../kernel/flow.ts'
import { toError } from '../deadline.ts'
import { Heartbeat, type Patience } from './heartbeat.ts'

/** Longer than the pauses within a conversation; servers end idle connections later. */
const IDLE_MS = 60_000
/** What RFC 9113 6.5.2 calls the least that a server should allow. */
const DEFAULT_STREAMS = 100
/** Connections that are full or gone by the time that their turn comes. */
const MAX_TRIES = 10
const STREAM_WINDOW = 512 * 1024

type Connect = (signal: AbortSignal) => Promise<Pick<Opened, 'socket'>>

/** Room for one more stream on a connection. */
interface Room {
  readonly session: ClientHttp2Session
  /** Aborts when the origin ends the connection; what it had sent by then is still to be read. */
  readonly ended: AbortSignal
  /** `heard`: the stream came to its end at the other side's word. */
  readonly giveBack: (heard: boolean) => void
}

interface OpenSession {
  readonly heartbeat: Heartbeat
  readonly ended: AbortController
  streams: number
}

/**
 * HTTP/2 connections to one origin, however they come about. Calls share one as
 * long as the origin lets them; one that it ends (GOAWAY) gets no new calls, and
 * neither does one that has died without a word.
 */
export class OriginSessions implements Disposable {
  readonly #connect: Connect
  readonly #patience: Partial<Patience>
  readonly #closing = new AbortController()
  readonly #open = new Map<ClientHttp2Session, OpenSession>()
  #opening: Promise<ClientHttp2Session> | undefined

  constructor(dial: Connect, patience: Partial<Patience> = {}) {
    this.#connect = dial
    this.#patience = patience
  }

  /**
   * Takes room for one stream, on a new connection if need be.
   * Rejects as the connect function does, with a Refusal, or with the signal's reason.
   */
  async take(signal: AbortSignal): Promise<Room> {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const session = this.#withRoom() ?? (await unlessAborted(this.#openOne(), signal))
      await unlessAborted(this.#open.get(session)?.heartbeat.felt(), signal)
      const open = this.#open.get(session)
      // Whoever waited for the same one may have filled it.
      if (open === undefined || !hasRoom(session, open)) continue
      open.streams += 1
      return { session, ended: open.ended.signal, giveBack: heard => giveBack(open, heard) }
    }
    throw new Refusal('provider_unreachable', 'its HTTP/2 connections end at once, or are full')
  }

  /** Closes what is idle, and the rest when its calls are over. */
  retire(): void {
    for (const session of this.#open.keys()) session.close()
  }

  [Symbol.dispose](): void {
    this.#closing.abort(new Error('the provider is closed'))
    for (const session of this.#open.keys()) session.destroy()
  }

  #withRoom(): ClientHttp2Session | undefined {
    for (const [session, open] of this.#open) {
      if (hasRoom(session, open)) return session
    }
    return undefined
  }

  async #openOne(): Promise<ClientHttp2Session> {
    this.#opening ??= this.#dial().finally(() => {
      this.#opening = undefined
    })
    return await this.#opening
  }

  async #dial(): Promise<ClientHttp2Session> {
    const { socket } = await this.#connect(this.#closing.signal)
    if (socket instanceof TLSSocket && socket.alpnProtocol !== 'h2') {
      socket.destroy()
      throw new Refusal('provider_broken', 'it does not speak HTTP/2, which gRPC needs')
    }
    const session = openSession(socket)
    const heartbeat = new Heartbeat(session, socket, this.#patience)
    const open = { heartbeat, ended: new AbortController(), streams: 0 }
    session.once('close', () => this.#open.delete(session))
    // Half-open as all that is dialled: Node would go on using what its origin has ended.
    socket.once('end', () => {
      session.close()
      open.ended.abort('the origin ended the connection')
    })
    session.setTimeout(IDLE_MS, () => {
      if (open.streams === 0) session.close()
    })
    this.#open.set(session, open)
    return session
  }
}

function openSession(socket: Socket): ClientHttp2Session {
  // The name is never used: each request says its own authority.
  const session = connect('https://origin.invalid', {
    createConnection: () => socket,
    settings: { enablePush: false, initialWindowSize: STREAM_WINDOW },
  })
  session.setLocalWindowSize(2 * STREAM_WINDOW)
  session.on('error', () => {})
  return session
}

function hasRoom(session: ClientHttp2Session, { streams }: OpenSession): boolean {
  const { closed, destroyed, remoteSettings } = session
  const room = Math.max(1, remoteSettings.maxConcurrentStreams ?? DEFAULT_STREAMS)
  return !closed && !destroyed && streams < room
}

function giveBack(open: OpenSession, heard: boolean): void {
  open.streams -= 1
  if (heard) open.heartbeat.heard()
}

/** Stops waiting, not what is waited for: others may wait for the same. */
function unlessAborted<T>(promise: T | Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(toError(signal.reason))
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    void Promise.resolve(promise)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', onAbort))
  })
}
