import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { pemBlocks } from '../../src/ca/pem.ts'
import { systemRoots, trustBundle, trustVariables, writeTrustFiles } from '../../src/ca/trust.ts'
import { makeAuthority, temporaryDirectory } from './fixtures.ts'

const run = promisify(execFile)

test('the bundle holds each root once and ours at the end', async t => {
  const authority = await makeAuthority(await temporaryDirectory(t))
  const blocks = pemBlocks(trustBundle(authority.trustPem)).map(block => block.text)

  assert.ok(blocks.length > 100)
  assert.equal(new Set(blocks).size, blocks.length)
  assert.equal(blocks.at(-1), authority.certificatePem)
  assert.deepEqual(systemRoots(), blocks.slice(0, -1))
})

test('our own CA is no system root, even when the system store points at our bundle', async t => {
  const directory = await temporaryDirectory(t)
  const authority = await makeAuthority(directory)
  const { bundleFile } = await writeTrustFiles(directory, authority.trustPem)
  const script = join(directory, 'roots.mts')
  await writeFile(
    script,
    `import { readFileSync } from 'node:fs'
     import { systemRoots } from ${JSON.stringify(join(process.cwd(), 'src/ca/trust.ts'))}
     const ca = readFileSync(process.argv[2], 'utf8')
     process.stdout.write(JSON.stringify([systemRoots(), systemRoots(ca)].map(l => l.includes(ca))))`,
  )
  const { stdout } = await run(process.execPath, [script, authority.certFile], {
    env: { ...process.env, SSL_CERT_FILE: bundleFile, NODE_EXTRA_CA_CERTS: authority.certFile },
  })
  assert.deepEqual(JSON.parse(stdout), [true, false])
})

test('the trust files are written once and readable by all', async t => {
  const directory = await temporaryDirectory(t)
  const authority = await makeAuthority(directory)
  const files = await writeTrustFiles(directory, authority.trustPem)

  assert.deepEqual(files, {
    caFile: join(directory, 'trusted.pem'),
    bundleFile: join(directory, 'bundle.pem'),
  })
  const before = await stat(files.bundleFile)
  assert.equal(before.mode & 0o777, 0o644)
  assert.doesNotMatch(await readFile(files.bundleFile, 'utf8'), /PRIVATE KEY/)
  await writeTrustFiles(directory, authority.trustPem)
  assert.equal((await stat(files.bundleFile)).ino, before.ino)

  await writeFile(files.bundleFile, 'stale')
  await writeTrustFiles(directory, authority.trustPem)
  const last = pemBlocks(await readFile(files.bundleFile, 'utf8')).at(-1)
  assert.equal(
    new X509Certificate(last?.text ?? '').fingerprint256,
    authority.certificate.fingerprint256,
  )
})

test('each variable names the file that its client needs', () => {
  const variables = trustVariables({ caFile: '/ca', bundleFile: '/bundle' })
  const { NODE_EXTRA_CA_CERTS, ...bundled } = variables
  assert.equal(NODE_EXTRA_CA_CERTS, '/ca')
  assert.deepEqual(new Set(Object.values(bundled)), new Set(['/bundle']))
  assert.deepEqual(Object.keys(bundled).sort(), [
    'AWS_CA_BUNDLE',
    'CARGO_HTTP_CAINFO',
    'CODEX_CA_CERTIFICATE',
    'CURL_CA_BUNDLE',
    'DENO_CERT',
    'GIT_SSL_CAINFO',
    'GRPC_DEFAULT_SSL_ROOTS_FILE_PATH',
    'PIP_CERT',
    'REQUESTS_CA_BUNDLE',
    'SSL_CERT_FILE',
  ])
})
