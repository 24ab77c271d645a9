import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect } from 'node:tls'
import type { Authority } from '../../src/ca/authority.ts'
import { mintLeaf } from '../../src/ca/leaf.ts'
import { generateLeafKey } from '../../src/ca/leaf-key.ts'
import { writeTrustFiles } from '../../src/ca/trust.ts'
import { listenOnLoopback } from '../support/listen.ts'
import { makeAuthority, temporaryDirectory, WEEK } from './fixtures.ts'

const HOSTS = ['api.openai.com', '127.0.0.1']
const key = await generateLeafKey()

/** The rules of Python 3.13 on whatever Python is here. */
const PYTHON = `
import socket, ssl, sys
host, port, bundle = sys.argv[1], int(sys.argv[2]), sys.argv[3]
context = ssl.create_default_context(cafile=bundle)
context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
with socket.create_connection(("127.0.0.1", port)) as raw:
    with context.wrap_socket(raw, server_hostname=host) as tls:
        print(tls.version())
`

interface Attempt {
  readonly host: string
  readonly port: number
  readonly bundleFile: string
  readonly ca: string
}

/** Each resolves to whether the client accepted the certificate. */
const CLIENTS: Readonly<Record<string, (attempt: Attempt) => Promise<boolean>>> = {
  async node({ host, port, ca }) {
    const socket = connect({ host: '127.0.0.1', port, ca, servername: nameOnly(host) })
    try {
      await once(socket, 'secureConnect')
      return true
    } catch (error) {
      assert.match(String(error), /subtree violation/)
      return false
    } finally {
      socket.destroy()
    }
  },
  async curl({ host, port, bundleFile }) {
    const resolve = ['--noproxy', '*', '--resolve', `${host}:${port}:127.0.0.1`]
    const args = ['-sS', '--cacert', bundleFile, ...resolve, `https://${host}:${port}/`]
    const { code, stderr } = await run('curl', args)
    assert.ok(code === 0 || code === 60, stderr)
    return code === 0
  },
  async python({ host, port, bundleFile }) {
    const { code, stderr } = await run('python3', ['-c', PYTHON, host, String(port), bundleFile])
    assert.ok(code === 0 || stderr.includes('CERTIFICATE_VERIFY_FAILED'), stderr)
    return code === 0
  },
  async openssl({ host, port, bundleFile }) {
    const verify = ['-verify_return_error', '-x509_strict', '-purpose', 'sslserver']
    const name = nameOnly(host) === undefined ? ['-verify_ip', host] : ['-verify_hostname', host]
    const to = ['-connect', `127.0.0.1:${port}`, '-CAfile', bundleFile, '-brief']
    const { code, stderr } = await run('openssl', ['s_client', ...to, ...verify, ...name])
    assert.ok(code === 0 || stderr.includes('verify error'), stderr)
    return code === 0
  },
}

async function run(command: string, args: readonly string[]) {
  return await new Promise<{ code: number | string; stderr: string }>(resolve => {
    const child = execFile(command, args, { timeout: 20_000 }, (error, _stdout, stderr) => {
      resolve({ code: error === null ? 0 : (error.code ?? 'killed'), stderr })
    })
    child.stdin?.end()
  })
}

/** SNI holds no addresses. */
function nameOnly(host: string): string | undefined {
  return /^[0-9.]+$/.test(host) ? undefined : host
}

/** A server that has the leaf for `host`, minted even if the CA may not. */
async function serve(t: TestContext, authority: Authority, host: string): Promise<number> {
  const willing = { ...authority, permits: () => true }
  const leaf = await mintLeaf(willing, host, { key, lifetimeMs: WEEK, now: Date.now() })
  const server = createServer(
    { cert: leaf.certificatePem + authority.chainPem, key: key.privateKeyPem },
    (_request, response) => response.end('ok'),
  )
  server.on('tlsClientError', () => {})
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return await listenOnLoopback(server)
}

for (const keyType of ['ec', 'rsa'] as const) {
  test(`real clients accept what a constrained ${keyType} CA permits and nothing else`, async t => {
    const directory = await temporaryDirectory(t)
    const named = await makeAuthority(directory, { hosts: ['api.openai.com'], keyType })
    const mixed = await makeAuthority(join(directory, 'mixed'), { hosts: HOSTS, keyType })
    const cases = [
      { authority: named, host: 'api.openai.com', accepted: true },
      { authority: named, host: 'api.example.com', accepted: false },
      { authority: named, host: '127.0.0.1', accepted: false },
      { authority: mixed, host: '127.0.0.1', accepted: true },
      { authority: mixed, host: '127.0.0.2', accepted: false },
    ]
    // What is constrained does not depend on the key: one of each verdict for the other kind.
    for (const { authority, host, accepted } of keyType === 'ec' ? cases : cases.slice(0, 2)) {
      const port = await serve(t, authority, host)
      const { bundleFile } = await writeTrustFiles(
        join(authority.certFile, '..'),
        authority.trustPem,
      )
      const attempt = { host, port, bundleFile, ca: authority.trustPem }
      const results = await Promise.all(
        Object.entries(CLIENTS).map(async ([name, client]) => [name, await client(attempt)]),
      )
      for (const [name, result] of results) assert.equal(result, accepted, `${name} and ${host}`)
    }
  })
}

test('openssl refuses an unlisted name and an address by the name constraints', async t => {
  const directory = await temporaryDirectory(t)
  const authority = await makeAuthority(directory, { hosts: ['api.openai.com'] })
  const willing = { ...authority, permits: () => true }
  const verdicts = {
    'api.example.com': /permitted subtree violation/,
    '192.0.2.1': /excluded subtree violation/,
    '2001:db8::1': /excluded subtree violation/,
  }
  for (const [host, expected] of Object.entries(verdicts)) {
    const { certificatePem } = await mintLeaf(willing, host, {
      key,
      lifetimeMs: WEEK,
      now: Date.now(),
    })
    const leafFile = join(directory, 'leaf.pem')
    await writeFile(leafFile, certificatePem)
    const { code, stderr } = await run('openssl', [
      'verify',
      '-CAfile',
      authority.certFile,
      leafFile,
    ])
    assert.notEqual(code, 0)
    assert.match(stderr, expected)
  }
})
