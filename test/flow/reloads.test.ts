import assert from 'node:assert/strict'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ConfigurationError } from '../../src/kernel/error.ts'
import { startTestDaemon } from '../support/daemon.ts'
import { echo, startTcpOrigin } from '../support/origin.ts'
import { testPki } from '../support/pki.ts'
import { connectRaw, connectThrough, readBytes, secureOver } from '../support/raw-client.ts'

describe('a reload', () => {
  it('changes who may be reached, and leaves open tunnels alone', async () => {
    await using origin = await startTcpOrigin(echo)
    const ports = { CODER_AIBRIDGE_PROXY_ALLOWED_PORTS: `443,${origin.port}` }
    const allowed = { ...ports, CODER_AIBRIDGE_PROXY_ALLOWED_PRIVATE_CIDRS: '127.0.0.0/8' }
    await using daemon = await startTestDaemon({ env: allowed })
    const { socket } = await connectThrough(daemon.proxy, origin.authority, daemon)
    await daemon.reload(ports)
    const { head, socket: refused } = await connectThrough(daemon.proxy, origin.authority, daemon)
    assert.equal(head.header('x-aibridge-reason'), 'name_denied')
    refused.destroy()
    socket.write('still')
    assert.equal(String(await readBytes(socket, 5)), 'still')
    socket.destroy()
  })

  it('keeps the CA when another state directory is named', async () => {
    await using daemon = await startTestDaemon()
    await daemon.reload({ CODER_AIBRIDGE_PROXY_STATE_DIR: `${daemon.stateDir}/other` })
    const { socket } = await connectThrough(daemon.proxy, 'api.openai.com:443', daemon)
    const secure = await secureOver(socket, { servername: 'api.openai.com', ca: daemon.caPem })
    secure.destroy()
  })

  it('of a configuration that cannot be used leaves the old one', async () => {
    await using daemon = await startTestDaemon()
    const env = {
      CODER_AIBRIDGE_PROVIDER_0_TYPE: 'openai-compat',
      CODER_AIBRIDGE_PROVIDER_0_BASE_URL: 'https://gw.example/v1',
    }
    await assert.rejects(daemon.reload(env), ConfigurationError)
    const { head, socket } = await connectThrough(daemon.proxy, 'api.openai.com:443', daemon)
    assert.equal(head.status, 200)
    socket.destroy()
  })

  it('brings a new certificate of the listener into use, and keeps the old when it is broken', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'aibridge-tls-'))
    const certFile = join(dir, 'cert.pem')
    const keyFile = join(dir, 'key.pem')
    const install = async (name: string): Promise<void> => {
      const issued = testPki().issue([name, '127.0.0.1'])
      await copyFile(issued.certFile, certFile)
      await copyFile(issued.keyFile, keyFile)
    }
    await install('first.test')
    const env = {
      CODER_AIBRIDGE_PROXY_TLS_CERT_FILE: certFile,
      CODER_AIBRIDGE_PROXY_TLS_KEY_FILE: keyFile,
    }
    await using daemon = await startTestDaemon({ env })
    const names = async (): Promise<string | undefined> => {
      const socket = await connectRaw(daemon.proxy)
      const secure = await secureOver(socket, { ca: testPki().certPem, host: '127.0.0.1' })
      const { subjectaltname } = secure.getPeerCertificate()
      secure.destroy()
      return subjectaltname
    }
    assert.match(String(await names()), /first\.test/)
    await install('second.test')
    await daemon.reload(env)
    assert.match(String(await names()), /second\.test/)
    await writeFile(certFile, 'broken')
    await assert.rejects(daemon.reload(env), /listener TLS certificate/)
    assert.match(String(await names()), /second\.test/)
    await rm(dir, { recursive: true })
  })
})
