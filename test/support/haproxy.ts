import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { DaemonProcess } from './daemon-process.ts'
import { listenOnLoopback } from './listen.ts'
import { connectRaw, type HostPort } from './raw-client.ts'

const EXAMPLE = join(import.meta.dirname, '../../deploy/haproxy/haproxy.cfg')

export interface Balancer {
  readonly address: HostPort
  stop(): Promise<void>
}

/** HAProxy with the configuration that we give to operators, in front of these daemons. */
export async function startBalancer(daemons: readonly DaemonProcess[]): Promise<Balancer> {
  const address = { host: '127.0.0.1', port: await freePort() }
  let next = 0
  const text = readFileSync(EXAMPLE, 'utf8')
    .replace('bind :8888', `bind ${address.host}:${address.port}`)
    .replace(/(server \w+) \S+ check port 8889/g, (_, start: string) => {
      const daemon = daemons[next++]
      if (daemon === undefined) throw new Error('the example has more servers than there are')
      return `${start} ${daemon.proxy.host}:${daemon.proxy.port} check port ${daemon.api.port}`
    })
  const directory = mkdtempSync(join(tmpdir(), 'aibp-haproxy-'))
  const file = join(directory, 'haproxy.cfg')
  writeFileSync(file, text)
  const child = spawn('/usr/sbin/haproxy', ['-db', '-f', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    rmSync(directory, { recursive: true, force: true })
  }
  for (let tries = 0; tries < 100; tries += 1) {
    const socket = await connectRaw(address).catch(() => undefined)
    socket?.destroy()
    if (socket !== undefined) return { address, stop }
    await delay(50)
  }
  await stop()
  throw new Error(`HAProxy did not start:\n${log}`)
}

/** HAProxy takes no port 0. */
async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listenOnLoopback(server)
  server.close()
  return port
}
