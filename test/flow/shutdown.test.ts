import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { ConfigurationError } from '../../src/kernel/error.ts'
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts'
import { listenOnLoopback } from '../support/listen.ts'
import { testPki } from '../support/pki.ts'
import { connectRaw } from '../support/raw-client.ts'

/** Ends the daemon, which has to close what the client has open. */
async function endsWith(daemon: TestDaemon, client: Socket): Promise<void> {
  // The answer of the API shows that the loop has been round.
  await fetch(`http://${daemon.api.host}:${daemon.api.port}/livez`)
  await daemon.drain(AbortSignal.abort())
  const closed = once(client.resume(), 'end')
  await daemon[Symbol.asyncDispose]()
  await closed
  client.destroy()
}

describe('the end of the daemon', { timeout: 20_000 }, () => {
  it('closes a connection whose request has not arrived whole', async () => {
    await using daemon = await startTestDaemon()
    const client = await connectRaw(daemon.proxy)
    client.write('CONNECT api.open')
    await endsWith(daemon, client)
  })

  it('closes a connection that hangs in its TLS handshake', async () => {
    const { certFile, keyFile } = testPki().issue(['127.0.0.1'])
    const env = {
      CODER_AIBRIDGE_PROXY_TLS_CERT_FILE: certFile,
      CODER_AIBRIDGE_PROXY_TLS_KEY_FILE: keyFile,
      CODER_AIBRIDGE_PROXY_TLS_HANDSHAKE_TIMEOUT: '1h',
    }
    await using daemon = await startTestDaemon({ env })
    const client = await connectRaw(daemon.proxy)
    client.write(Buffer.from([22, 3, 1]))
    await endsWith(daemon, client)
  })

  it('comes when the second port of the proxy is taken, and frees the first', async () => {
    const taken = createServer()
    const free = createServer()
    const takenPort = await listenOnLoopback(taken)
    const freePort = await listenOnLoopback(free)
    free.close()
    await once(free, 'close')
    const { certFile, keyFile } = testPki().issue(['127.0.0.1'])
    const env = {
      CODER_AIBRIDGE_PROXY_LISTEN_ADDR: `127.0.0.1:${freePort}`,
      CODER_AIBRIDGE_PROXY_TLS_LISTEN_ADDR: `127.0.0.1:${takenPort}`,
      CODER_AIBRIDGE_PROXY_TLS_CERT_FILE: certFile,
      CODER_AIBRIDGE_PROXY_TLS_KEY_FILE: keyFile,
    }
    await assert.rejects(startTestDaemon({ env }), ConfigurationError)
    taken.close()
    const again = createServer().listen(freePort, '127.0.0.1')
    await once(again, 'listening')
    again.close()
  })
})
