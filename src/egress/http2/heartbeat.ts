import type { ClientHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'

/** In milliseconds. */
export interface Patience {
  /** A connection that was not heard of for this long is asked before it gets a call. */
  readonly quietMs: number
  /** How long a call waits for the answer; it goes elsewhere then. */
  readonly answerMs: number
  /** A connection that sends nothing for this long after a question is dead. */
  readonly deadMs: number
}

/** HTTP/1.1 connections are given up when they are idle for as long as this is quiet. */
const PATIENCE: Patience = { quietMs: 4000, answerMs: 2000, deadMs: 30_000 }

/**
 * Finds out by PING whether a connection lives. A peer that vanished (a power
 * cut, a firewall that forgot) says nothing, and TCP repeats what is sent to it
 * for a quarter of an hour. Only a call that is about to begin asks: servers of
 * gRPC end connections that ping them in silence (its A8, "too_many_pings").
 */
export class Heartbeat {
  readonly #session: ClientHttp2Session
  readonly #socket: Socket
  readonly #patience: Patience
  #heardAt = performance.now()
  #asking: Promise<void> | undefined

  constructor(session: ClientHttp2Session, socket: Socket, patience: Partial<Patience>) {
    this.#session = session
    this.#socket = socket
    this.#patience = { ...PATIENCE, ...patience }
  }

  /** It has answered somebody. */
  heard(): void {
    this.#heardAt = performance.now()
  }

  /** Resolves when it is known to live, or was told to take no new streams. */
  async felt(): Promise<void> {
    const { closed, destroyed } = this.#session
    const isRecent = performance.now() - this.#heardAt < this.#patience.quietMs
    if (closed || destroyed || isRecent) return
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    await this.#asking
  }

  #ask(): Promise<void> {
    const { answerMs, deadMs } = this.#patience
    const read = this.#socket.bytesRead
    return new Promise(resolve => {
      const late = setTimeout(() => {
        // Behind an upload an answer takes its time; what the upload frees is life as well.
        if (this.#socket.bytesRead === read) this.#session.close()
        else this.heard()
        resolve()
      }, answerMs)
      const dead = setTimeout(() => {
        if (this.#socket.bytesRead === read) this.#session.destroy()
      }, deadMs)
      const settle = (): void => {
        clearTimeout(late)
        clearTimeout(dead)
        resolve()
      }
      this.#session.once('close', settle)
      const isSent = this.#session.ping(error => {
        this.#session.off('close', settle)
        if (error === null) this.heard()
        settle()
      })
      if (!isSent) settle()
    })
  }
}
