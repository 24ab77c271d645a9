import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { enqueue, isAnswering, isShared } from '../../relay/pipeline.ts'
import type { Interception } from '../call.ts'
import type { Connection } from '../connection.ts'
import type { HeadWatch } from '../head-watch.ts'

/** One intercepted connection: what CONNECT fixed, and what is under way on it. */
export class Session implements Interception, Connection {
  readonly connect: Interception['connect']
  readonly verdict: Interception['verdict']
  readonly servername: string | undefined
  readonly socket: TLSSocket
  calls = 0
  watch: HeadWatch | undefined
  #draining = false
  #latest: IncomingMessage | undefined

  constructor(interception: Interception, socket: TLSSocket) {
    this.connect = interception.connect
    this.verdict = interception.verdict
    this.servername = interception.servername
    this.socket = socket
  }

  /** A request is being answered, or its body still comes in. */
  get busy(): boolean {
    return isAnswering(this.socket) || this.#latest?.complete === false
  }

  /** The latest is not the only one. */
  get shared(): boolean {
    return isShared(this.socket)
  }

  /** Follows one request from its head to the end of both bodies. @throws Refusal as `enqueue`. */
  begin(message: IncomingMessage, response: ServerResponse): void {
    this.calls += 1
    this.#latest = message
    try {
      enqueue(response)
    } finally {
      response.once('close', () => this.#settle())
      message.once('close', () => this.#settle())
    }
  }

  /** Closes the connection as soon as nothing is under way on it. */
  drain(): void {
    this.#draining = true
    this.#settle()
  }

  [Symbol.dispose](): void {
    this.watch?.[Symbol.dispose]()
  }

  #settle(): void {
    if (this.busy) return
    if (this.#draining) this.socket.destroySoon()
    else this.watch?.settle()
  }
}
