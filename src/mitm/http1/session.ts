import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { Interception } from '../call.ts'
import type { Connection } from '../connection.ts'
import type { HeadWatch } from '../head-watch.ts'

/** More than any client sends ahead; each one costs a request to the provider. */
const MAX_PIPELINED = 32

/** One intercepted connection: what CONNECT fixed, and what is under way on it. */
export class Session implements Interception, Connection {
  readonly connect: Interception['connect']
  readonly verdict: Interception['verdict']
  readonly servername: string | undefined
  readonly socket: TLSSocket
  calls = 0
  watch: HeadWatch | undefined
  #draining = false
  #unanswered = 0
  #latest: IncomingMessage | undefined

  constructor(interception: Interception, socket: TLSSocket) {
    this.connect = interception.connect
    this.verdict = interception.verdict
    this.servername = interception.servername
    this.socket = socket
  }

  /** A request is being answered, or its body still comes in. */
  get busy(): boolean {
    return this.#unanswered > 0 || this.#latest?.complete === false
  }

  /** Answers are outstanding: only another ordinary answer may follow them. */
  get answering(): boolean {
    return this.#unanswered > 0
  }

  /** The latest is not the only one. */
  get shared(): boolean {
    return this.#unanswered > 1
  }

  get full(): boolean {
    return this.#unanswered > MAX_PIPELINED
  }

  /** Follows one request from its head to the end of both bodies. */
  begin(message: IncomingMessage, response: ServerResponse): void {
    this.calls += 1
    this.#unanswered += 1
    this.#latest = message
    response.once('close', () => {
      this.#unanswered -= 1
      this.#settle()
    })
    message.once('close', () => this.#settle())
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
