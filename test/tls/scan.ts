/**
 * `npm run test:tls`: has sslscan (Debian's package) look at the TLS listener,
 * with an EC and with an RSA certificate, and at the inside of an intercepted
 * connection. Exits with 1 for anything below what a grade of A asks for: a
 * protocol before TLS 1.2, a suite without forward secrecy or AEAD, a group
 * under 112 bits, renegotiation, a known hole, a weak certificate.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { promisify } from 'node:util'
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts'
import { listenOnLoopback } from '../support/listen.ts'
import { testPki } from '../support/pki.ts'
import { connectThrough } from '../support/raw-client.ts'
import { judgeScan } from './judge-scan.ts'

const HOST = 'api.openai.com'

const problems: string[] = []
for (const keyType of ['ec', 'rsa'] as const) {
  const { certFile, keyFile } = testPki().issue(['localhost'], keyType)
  await using daemon = await startTestDaemon({
    env: {
      CODER_AIBRIDGE_PROXY_TLS_LISTEN_ADDR: '127.0.0.1:0',
      CODER_AIBRIDGE_PROXY_TLS_CERT_FILE: certFile,
      CODER_AIBRIDGE_PROXY_TLS_KEY_FILE: keyFile,
    },
  })
  await scan(`TLS listener, ${keyType}`, daemon.tls?.port ?? 0, 'localhost')
  if (keyType === 'rsa') continue
  const inside = inIntercepted(daemon)
  await scan('intercepted connection', await listenOnLoopback(inside), HOST)
  inside.close()
  await once(inside, 'close')
}
process.exitCode = problems.length > 0 ? 1 : 0

async function scan(what: string, port: number, name: string): Promise<void> {
  const { stdout } = await promisify(execFile)('sslscan', [
    '--xml=-',
    '--show-sigs',
    `--sni-name=${name}`,
    `127.0.0.1:${port}`,
  ])
  const { found, suites } = judgeScan(stdout)
  console.log(`${found.length === 0 ? 'ok ' : 'BAD'}  ${what}: ${suites} suites`)
  for (const problem of found) console.log(`     ${problem}`)
  problems.push(...found)
}

/** A port behind which every connection is the inside of a CONNECT to an AI host. */
function inIntercepted(daemon: TestDaemon): Server {
  return createServer(client => {
    client.on('error', () => client.destroy())
    connectThrough(daemon.proxy, `${HOST}:443`, daemon).then(
      ({ socket }) => {
        socket.on('error', () => client.destroy())
        client.pipe(socket).pipe(client)
      },
      () => client.destroy(),
    )
  })
}
