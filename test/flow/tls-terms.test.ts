import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { ConnectionOptions } from 'node:tls'
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts'
import { testPki } from '../support/pki.ts'
import { connectRaw, connectThrough, secureOver } from '../support/raw-client.ts'

const HOST = 'api.openai.com'

describe('as a TLS server', () => {
  let daemon: TestDaemon
  before(async () => {
    const { certFile, keyFile } = testPki().issue(['localhost'])
    daemon = await startTestDaemon({
      env: {
        CODER_AIBRIDGE_PROXY_TLS_LISTEN_ADDR: '127.0.0.1:0',
        CODER_AIBRIDGE_PROXY_TLS_CERT_FILE: certFile,
        CODER_AIBRIDGE_PROXY_TLS_KEY_FILE: keyFile,
      },
    })
  })
  after(() => daemon[Symbol.asyncDispose]())

  const servers: readonly (readonly [
    where: string,
    open: () => Promise<Socket>,
    trust: () => ConnectionOptions,
  ])[] = [
    [
      'on the TLS listener',
      () => connectRaw(daemon.tls ?? assert.fail()),
      () => ({ ca: testPki().certPem, servername: 'localhost' }),
    ],
    [
      'inside an intercepted connection',
      async () => (await connectThrough(daemon.proxy, `${HOST}:443`, daemon)).socket,
      () => ({ ca: daemon.caPem, servername: HOST }),
    ],
  ]
  for (const [where, open, trust] of servers) {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      it(`speaks ${maxVersion} with an AEAD suite ${where}`, async () => {
        const secure = await secureOver(await open(), { ...trust(), maxVersion })
        assert.equal(secure.getProtocol(), maxVersion)
        assert.match(secure.getCipher().standardName, /_(GCM|POLY1305)_/)
        secure.destroy()
      })
    }

    const refused: readonly (readonly [what: string, terms: ConnectionOptions])[] = [
      ['CBC suites', { ciphers: 'ECDHE-ECDSA-AES128-SHA256', maxVersion: 'TLSv1.2' }],
      ['suites with SHA-1', { ciphers: 'ECDHE-ECDSA-AES256-SHA', maxVersion: 'TLSv1.2' }],
      ['TLS 1.1', { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }],
    ]
    for (const [what, terms] of refused) {
      it(`refuses ${what} ${where}`, async () => {
        await assert.rejects(secureOver(await open(), { ...trust(), ...terms }), /alert|handshake/i)
      })
    }
  }
})
