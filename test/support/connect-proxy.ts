import { createServer } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { listenOnLoopback } from './listen.ts'

/** An upstream proxy that leads every CONNECT to one port of loopback. */
export interface ConnectProxy extends AsyncDisposable {
  readonly url: string
  /** The targets that were asked for, in order. */
  readonly targets: readonly string[]
}

export async function startConnectProxy(toPort: number): Promise<ConnectProxy> {
  const targets: string[] = []
  const sockets = new Set<Duplex>()
  const server = createServer()
  server.on('connect', (request, client: Duplex, head: Buffer) => {
    targets.push(request.url ?? '')
    const socket: Socket = connect(toPort, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      socket.write(head)
      socket.pipe(client).pipe(socket)
    })
    for (const [side, other] of [
      [client, socket],
      [socket, client],
    ] as const) {
      sockets.add(side)
      side.on('error', () => other.destroy())
      side.once('close', () => {
        sockets.delete(side)
        other.destroy()
      })
    }
  })
  const port = await listenOnLoopback(server)
  return {
    url: `http://127.0.0.1:${port}`,
    targets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
