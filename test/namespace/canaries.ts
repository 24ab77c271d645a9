import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { parseAddress } from '../../src/kernel/address.ts'

/** Servers on every address there is, public and forbidden, that note who came. */
export interface Canaries extends AsyncDisposable {
  /** The addresses that were connected to since the last call. */
  visited(): Promise<readonly string[]>
}

/** Where the canaries are asked whether they have seen all that there was. */
const FENCE = '127.0.99.99'

/**
 * Listens on all addresses of the ports. Every address is one of this machine's
 * (`ip route add local`), so whatever is dialled arrives here.
 */
export async function startCanaries(ports: readonly number[]): Promise<Canaries> {
  let seen: string[] = []
  const sockets = new Set<Socket>()
  const servers: Server[] = []
  for (const port of ports) {
    const server = createServer(socket => {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.once('close', () => sockets.delete(socket))
      const address = plain(socket.localAddress ?? '')
      if (address === FENCE) server.emit('fence')
      else seen.push(address)
    })
    server.listen(port, '::')
    await once(server, 'listening')
    servers.push(server)
  }
  return {
    async visited() {
      // Connections are accepted in their order: after this one, all before it.
      await Promise.all(
        servers.map(async (server, index) => {
          const arrived = once(server, 'fence')
          connect(ports[index] ?? 0, FENCE).on('error', () => undefined)
          await arrived
        }),
      )
      const visited = seen
      seen = []
      for (const socket of sockets) socket.destroy()
      return visited
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await Promise.all(
        servers.map(server => {
          server.close()
          return once(server, 'close')
        }),
      )
    },
  }
}

/** IPv4 as such: a socket of both families shows it mapped. */
function plain(text: string): string {
  return parseAddress(text.replace(/^::ffff:(?=\d+\.)/, ''))?.text ?? text
}
