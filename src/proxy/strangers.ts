import type { Socket } from 'node:net'

/**
 * The connections of which nobody knows yet who they are: in a TLS handshake,
 * in their first head, refused and lingering. When there are too many of them
 * the oldest gives way: honest clients say who they are at once, so a flood of
 * silent connections displaces itself.
 */
export class Strangers {
  readonly #limit: () => number
  /** In order of arrival. */
  readonly #waiting = new Map<string, Socket>()

  constructor(limit: () => number) {
    this.#limit = limit
  }

  /** `client` is the socket as it was accepted, below TLS. Gives who has to go for it. */
  arrive(client: Socket): Socket | undefined {
    const key = keyOf(client)
    this.#waiting.set(key, client)
    client.once('close', () => {
      if (this.#waiting.get(key) === client) this.#waiting.delete(key)
    })
    if (this.#waiting.size <= this.#limit()) return undefined
    const [oldest] = this.#waiting
    if (oldest === undefined) return undefined
    this.#waiting.delete(oldest[0])
    return oldest[1]
  }

  /** Its caller is known; `client` may be the TLS side of what arrived. */
  leave(client: Socket): void {
    this.#waiting.delete(keyOf(client))
  }
}

/** A TLS socket is another object than the one below it; the four ends are the same. */
function keyOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
}
