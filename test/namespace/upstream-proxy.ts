import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Duplex } from 'node:stream'

export interface UpstreamProxy extends AsyncDisposable {
  /** What was asked of it. */
  readonly targets: readonly string[]
}

/** A proxy that says yes to every CONNECT and leads nowhere. */
export async function startUpstreamProxy(port: number): Promise<UpstreamProxy> {
  const targets: string[] = []
  const sockets = new Set<Duplex>()
  const server = createServer()
  server.on('connect', (request, socket) => {
    targets.push(request.url ?? '')
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
  })
  server.listen(port, '::')
  await once(server, 'listening')
  return {
    targets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
