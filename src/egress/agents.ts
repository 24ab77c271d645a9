import { Agent, type AgentOptions, type ClientRequest } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Opened } from '../kernel/flow.ts'
import { toError } from './deadline.ts'

/**
 * Idle connections are given up before common servers do (nginx 75 s, Node 5 s),
 * because a request that meets a closing connection is lost.
 */
const IDLE_MS = 4_000

/** Opens one connection; `DialOrigin`, or a leg that is already routed. */
type Connect = (signal: AbortSignal) => Promise<Pick<Opened, 'socket'>>

/**
 * A keep-alive agent for one origin, however its connections come about.
 * Requests do not name a host to it: it has only one. `destroy()` ends idle
 * connections and those that are still being made. A server's Keep-Alive hint
 * shortens the idle time.
 */
export function createOriginAgent(connect: Connect): Agent {
  return new ConnectAgent(connect, { keepAlive: true, timeout: IDLE_MS, scheduling: 'lifo' })
}

/** An agent whose connections serve one request each. */
export function createSingleUseAgent(connect: Connect): Agent {
  return new ConnectAgent(connect, { keepAlive: false })
}

/** Closes the connections that no request uses. */
export function endIdle(agent: Agent): void {
  for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy()
}

class ConnectAgent extends Agent {
  readonly #connect: Connect
  readonly #closing = new AbortController()

  constructor(connect: Connect, options: AgentOptions) {
    super(options)
    this.#connect = connect
  }

  override createConnection(
    _options: unknown,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    void this.#deliver(callback ?? ignore)
  }

  override reuseSocket(socket: Duplex, request: ClientRequest): void {
    super.reuseSocket(socket, request)
    // The idle limit is for waiting connections; a request may be silent longer.
    if ('setTimeout' in socket && typeof socket.setTimeout === 'function') socket.setTimeout(0)
  }

  override destroy(): void {
    this.#closing.abort(new Error('the agent is closed'))
    super.destroy()
  }

  /** A request that is gone by then leaves its connection to the pool. */
  async #deliver(callback: (error: Error | null, stream: Duplex) => void): Promise<void> {
    let socket: Duplex
    try {
      socket = (await this.#connect(this.#closing.signal)).socket
    } catch (error) {
      // Node's type asks for a stream that cannot exist together with an error.
      Reflect.apply(callback, undefined, [toError(error)])
      return
    }
    callback(null, socket)
  }
}

function ignore(): void {
  // Nobody is waiting for this connection.
}
