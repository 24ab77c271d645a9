import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { ANTHROPIC, openConnect, startAiWorld } from '../flow/ai-world.ts'
import { listenOnLoopback } from '../support/listen.ts'

/*
 * Debian's h2load (nghttp2-client) against the intercepted side, on loopback:
 * `npm run test:h2load`. It knows no proxies; a relay sends CONNECT for it.
 */

const REQUESTS = 5000
const CLIENTS = 4

await using world = await startAiWorld()
const relay = createServer(client => {
  client.pause()
  void openConnect(world.daemon, ANTHROPIC).then(tunnel => {
    client.on('error', () => tunnel.destroy()).once('close', () => tunnel.destroy())
    client.pipe(tunnel).pipe(client)
  })
})
const port = await listenOnLoopback(relay)
const load = [`-n${REQUESTS}`, `-c${CLIENTS}`, '-m50', '-t1']
const args = [...load, `--connect-to=127.0.0.1:${port}`, 'https://api.anthropic.com/v1/models']
const child = spawn('h2load', args, { stdio: ['ignore', 'pipe', 'inherit'], timeout: 120_000 })
const [said] = await Promise.all([text(child.stdout), once(child, 'close')])
relay.close()
process.stdout.write(said)
const succeeded = Number(/(\d+) succeeded/.exec(said)?.[1] ?? 0)
process.stdout.write(`${succeeded} passed, ${REQUESTS - succeeded} failed\n`)
process.exitCode = succeeded === REQUESTS && said.includes(`${REQUESTS} 2xx`) ? 0 : 1
