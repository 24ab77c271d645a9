import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'

/**
 * The connections of a listener of which nobody knows yet who they are: in a TLS
 * handshake, in their first head, refused and lingering. When there are too many
 * of them the oldest gives way: honest clients say who they are at once, so a
 * flood of silent connections displaces itself.
 */
export class Strangers {
  readonly #limit: () => number
  readonly #onGaveWay: (peer: string) => void
  /** In order of arrival. */
  readonly #waiting = new Map<string, Socket>()

  constructor(limit: () => number, onGaveWay: (peer: string) => void) {
    this.#limit = limit
    this.#onGaveWay = onGaveWay
  }

  /** `client` is the socket as it was accepted, below TLS. */
  arrive(client: Socket): void {
    const key = keyOf(client)
    client.once('close', () => {
      if (this.#waiting.get(key) === client) this.#waiting.delete(key)
    })
    this.#wait(key, client)
  }

  /** Its caller is known; `client` may be the TLS side of what arrived. */
  leave(client: Socket): void {
    this.#waiting.delete(keyOf(client))
  }

  /** The same until an answer is over, where each request says anew who asks. */
  leaveFor(answer: Pick<Writable, 'once'>, client: Socket): void {
    const key = keyOf(client)
    this.#waiting.delete(key)
    answer.once('close', () => {
      if (!client.destroyed) this.#wait(key, client)
    })
  }

  #wait(key: string, client: Socket): void {
    this.#waiting.set(key, client)
    if (this.#waiting.size <= this.#limit()) return
    const [oldest] = this.#waiting
    if (oldest === undefined) return
    this.#waiting.delete(oldest[0])
    this.#onGaveWay(oldest[1].remoteAddress ?? '')
    oldest[1].destroy()
  }
}

/** A TLS socket is another object than the one below it; the four ends are the same. */
function keyOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
}
