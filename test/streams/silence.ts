import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { setTimeout as delay } from 'node:timers/promises'
import { openIntercepted, startAiDaemon } from '../flow/ai-world.ts'
import { openHttp2, readHttp2, send } from '../flow/http2-world.ts'
import { exchangeOn, post, readAnswer } from '../flow/wire.ts'
import type { TestDaemon } from '../support/daemon.ts'
import { listenOnLoopback } from '../support/listen.ts'
import { testPki } from '../support/pki.ts'

/** Longer than any watch of ours looks for, and well within what a provider may take. */
const SILENCE_MS = 130_000

/** Gives the status of an answer. */
type Wait = (daemon: TestDaemon) => Promise<number>

const WAITS: Readonly<Record<string, Wait>> = {
  'HTTP/1.1': async daemon => {
    const socket = await openIntercepted(daemon)
    const { status } = await exchangeOn(socket, post('/v1/messages', 'api.anthropic.com', '{}'))
    socket.destroy()
    return status
  },
  'HTTP/2': async daemon => {
    const session = await openHttp2(daemon)
    const { status } = await readHttp2(send(session, {}, '{}'))
    session.close()
    return status
  },
  'HTTP/2, after GOAWAY': async daemon => {
    const session = await openHttp2(daemon)
    const answer = readHttp2(send(session, {}, '{}'))
    setTimeout(() => session.close(), 200)
    return (await answer).status
  },
  'an upload that goes on for seconds after its refusal': async daemon => {
    const socket = await openIntercepted(daemon)
    socket.write('POST //x HTTP/1.1\r\nHost: api.anthropic.com\r\nContent-Length: 30\r\n\r\n')
    for (let i = 0; i < 30; i += 1) {
      await delay(100)
      socket.write('x')
    }
    const { status } = await readAnswer(socket)
    socket.destroy()
    return status
  },
}

/**
 * Calls that a model thinks about for long, without a word from either side, and
 * clients that read late. One line for each that does not get its answer.
 */
export async function runSilence(): Promise<readonly string[]> {
  const { certPem: cert, keyPem: key } = testPki().issue(['localhost'])
  const server = createServer({ cert, key })
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    request.resume()
    setTimeout(() => response.end('late'), SILENCE_MS)
  })
  const port = await listenOnLoopback(server)
  await using daemon = await startAiDaemon(`https://localhost:${port}`)
  const failures = await Promise.all(
    Object.entries(WAITS).map(async ([what, wait]) => {
      const late = delay(2 * SILENCE_MS, 0, { ref: false })
      const status = await Promise.race([wait(daemon), late]).catch(() => 0)
      return status === 200 || status === 400 ? [] : [`silence, ${what}: status ${status}`]
    }),
  )
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
  return failures.flat()
}
