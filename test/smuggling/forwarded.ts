import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { listenOnLoopback } from '../support/listen.ts'

/** A provider that keeps the bytes of each request, and answers when one is complete. */
export interface ByteRecorder extends AsyncDisposable {
  readonly port: number
  /** The requests since the last call, as they arrived. */
  take(): readonly string[]
}

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'

export async function startByteRecorder(): Promise<ByteRecorder> {
  let requests: string[] = []
  const open = new Set<Socket>()
  const server: Server = createServer(socket => {
    let text = ''
    open.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => open.delete(socket))
    socket.on('data', bytes => {
      text += bytes.toString('latin1')
      if (!isComplete(text)) return
      requests.push(text)
      text = ''
      socket.end(ANSWER)
    })
  })
  const port = await listenOnLoopback(server)
  return {
    port,
    take() {
      const taken = requests
      requests = []
      return taken
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** By the framing that the daemon is to write: one length, or chunks. */
function isComplete(text: string): boolean {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return false
  const head = text.slice(0, end)
  const body = text.slice(end + 4)
  if (/^transfer-encoding: chunked$/im.test(head))
    return /(^|\r\n)0\r\n([^\r\n]+\r\n)*\r\n$/.test(body)
  return body.length >= Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0)
}
