import { type ClientHttp2Session, connect } from 'node:http2'
import { TLSSocket } from 'node:tls'
import { Refusal } from '../../kernel/error.ts'
import type { Opened } from '../../kernel/flow.ts'

/** Longer than the pauses within a conversation; servers end idle connections later. */
const IDLE_MS = 60_000
/** What RFC 9113 6.5.2 calls the least that a server should allow. */
const DEFAULT_STREAMS = 100
/** Connections that are full or gone by the time that their turn comes. */
const MAX_TRIES = 10
const STREAM_WINDOW = 512 * 1024

type Connect = (signal: AbortSignal) => Promise<Pick<Opened, 'socket'>>

/**
 * HTTP/2 connections to one origin, however they come about. Calls share one as
 * long as the origin lets them; one that it ends (GOAWAY) gets no new calls.
 */
export class OriginSessions implements Disposable {
  readonly #connect: Connect
  readonly #closing = new AbortController()
  readonly #open = new Map<ClientHttp2Session, number>()
  #opening: Promise<ClientHttp2Session> | undefined

  constructor(dial: Connect) {
    this.#connect = dial
  }

  /**
   * A session with room for one more stream, and what gives the room back.
   * Rejects as the connect function does, or with a Refusal.
   */
  async take(): Promise<{ session: ClientHttp2Session; giveBack: () => void }> {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const session = this.#withRoom() ?? (await this.#openOne())
      const streams = this.#open.get(session)
      // Whoever waited for the same one may have filled it.
      if (streams === undefined || streams >= roomOf(session)) continue
      this.#open.set(session, streams + 1)
      return { session, giveBack: () => this.#giveBack(session) }
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
    for (const [session, streams] of this.#open) {
      if (!session.closed && !session.destroyed && streams < roomOf(session)) return session
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
    // The name is never used: each request says its own authority.
    const session = connect('https://origin.invalid', {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW },
    })
    session.setLocalWindowSize(2 * STREAM_WINDOW)
    session.on('error', () => {})
    session.once('close', () => this.#open.delete(session))
    session.setTimeout(IDLE_MS, () => {
      if (this.#open.get(session) === 0) session.close()
    })
    this.#open.set(session, 0)
    return session
  }

  #giveBack(session: ClientHttp2Session): void {
    const streams = this.#open.get(session)
    if (streams !== undefined) this.#open.set(session, streams - 1)
  }
}

function roomOf({ remoteSettings }: ClientHttp2Session): number {
  return Math.max(1, remoteSettings.maxConcurrentStreams ?? DEFAULT_STREAMS)
}
