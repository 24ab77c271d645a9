import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'

export interface StrangersOptions {
  readonly limit: () => number
  /** Of connections that had a known caller, and wait for the next to say who asks. */
  readonly idleLimit?: () => number
  /** Whether further answers are under way on a connection that one of them has left. */
  readonly isBusy?: (client: Socket) => boolean
  readonly onGaveWay: (peer: string) => void
}

/** In order of arrival. */
type Waiting = Map<string, Socket>

/**
 * The connections of a listener of which nobody knows who they are: in a TLS
 * handshake, in their first head, refused and lingering. When there are too many
 * of them the oldest gives way: honest clients say who they are at once, so a
 * flood of silent connections displaces itself.
 */
export class Strangers {
  readonly #options: StrangersOptions
  readonly #new: Waiting = new Map()
  readonly #idle: Waiting = new Map()

  constructor(options: StrangersOptions) {
    this.#options = options
  }

  /** `client` is the socket as it was accepted, below TLS. */
  arrive(client: Socket): void {
    const key = keyOf(client)
    client.once('close', () => {
      for (const waiting of [this.#new, this.#idle]) {
        if (waiting.get(key) === client) waiting.delete(key)
      }
    })
    this.#wait(this.#new, client, this.#options.limit())
  }

  /** Its caller is known; `client` may be the TLS side of what arrived. */
  leave(client: Socket): void {
    const key = keyOf(client)
    this.#new.delete(key)
    this.#idle.delete(key)
  }

  /** The same until an answer is over, where each request says anew who asks. */
  leaveFor(answer: Pick<Writable, 'once'>, client: Socket): void {
    this.leave(client)
    answer.once('close', () => {
      if (client.destroyed || this.#options.isBusy?.(client) === true) return
      this.#wait(this.#idle, client, this.#options.idleLimit?.() ?? 0)
    })
  }

  #wait(waiting: Waiting, client: Socket, limit: number): void {
    waiting.set(keyOf(client), client)
    if (waiting.size <= limit) return
    const [oldest] = waiting
    if (oldest === undefined) return
    waiting.delete(oldest[0])
    this.#options.onGaveWay(oldest[1].remoteAddress ?? '')
    oldest[1].destroy()
  }
}

/** A TLS socket is another object than the one below it; the four ends are the same. */
function keyOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
}
