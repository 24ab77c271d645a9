import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { PROVIDER_TYPES } from '../../src/bridge/providers/registry.ts'
import { loadAuthority } from '../../src/ca/authority.ts'
import { mintLeaf } from '../../src/ca/leaf.ts'
import { generateLeafKey } from '../../src/ca/leaf-key.ts'
import { loadConfig } from '../../src/config/load.ts'
import { DAY, openssl, problemsOf, temporaryDirectory, WEEK } from './fixtures.ts'

const run = promisify(execFile)
/** Of a daemon with nothing configured: the profile has to serve that one as it stands. */
const HOSTS = loadConfig({ flags: {}, env: {}, types: PROVIDER_TYPES, home: '/nonexistent' })
  .settings.proxy.interceptedHosts
const README = await readFile('certs/README.md', 'utf8')

/** The commands of the manual, as they stand there. */
function recipe(name: string): string {
  const match = new RegExp(`<!-- recipe: ${name} -->\\n\`\`\`sh\\n([^\`]+)\`\`\``).exec(README)
  return match?.[1] ?? assert.fail(`no recipe ${name}`)
}

async function organisation(t: TestContext, key = ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256']) {
  const directory = await temporaryDirectory(t)
  const rootCa = ['-addext', 'keyUsage=critical,keyCertSign', '-subj', '/CN=Example Root']
  await openssl(directory, 'genpkey', '-algorithm', ...key, '-out', 'root.key')
  await openssl(
    directory,
    'req',
    '-x509',
    '-key',
    'root.key',
    '-days',
    '90',
    ...rootCa,
    '-out',
    'root.pem',
  )
  await copyFile('certs/intermediate.cnf', join(directory, 'intermediate.cnf'))
  const follow = async (text: string) => await run('sh', ['-ec', text], { cwd: directory })
  const files = { certFile: join(directory, 'ca.pem'), keyFile: join(directory, 'ca.key') }
  const load = async (hosts: readonly string[] = HOSTS) =>
    await loadAuthority(files, { hosts, now: Date.now() })
  return { directory, files, follow, load }
}

const RSA = ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048']

for (const [name, edit, root] of [
  ['P-256', (text: string) => text, undefined],
  [
    'RSA',
    (text: string) => text.replace('EC -pkeyopt ec_paramgen_curve:P-256', RSA.join(' ')),
    RSA,
  ],
] as const) {
  test(`the recipe of the manual makes an ${name} intermediate that works`, async t => {
    const { directory, follow, load } = await organisation(t, root && [...root])
    await follow(edit(recipe('request')))
    await follow(recipe('issue'))
    await follow(recipe('install'))

    const authority = await load()
    assert.deepEqual(authority.warnings, [])
    assert.equal(authority.key.asymmetricKeyType, name === 'RSA' ? 'rsa' : 'ec')
    assert.equal(authority.permits('example.com'), false)
    assert.equal(authority.permits('192.0.2.1'), false)
    assert.ok(authority.expiresAt < Date.now() + 91 * DAY, 'the root ends first')

    const key = await generateLeafKey()
    const leaf = await mintLeaf(authority, 'api.openai.com', {
      key,
      lifetimeMs: WEEK,
      now: Date.now(),
    })
    await writeFile(join(directory, 'leaf.pem'), leaf.certificatePem)
    await writeFile(join(directory, 'sent.pem'), authority.chainPem)
    const chain = ['-CAfile', 'root.pem', '-untrusted', 'sent.pem']
    await openssl(
      directory,
      'verify',
      '-x509_strict',
      '-purpose',
      'sslserver',
      ...chain,
      'leaf.pem',
    )
  })
}

test('the handshake gets the intermediate, the client has to trust the root as well', async t => {
  const { follow, load } = await organisation(t)
  for (const part of ['request', 'issue', 'install']) await follow(recipe(part))
  const authority = await load()

  const subjects = (pem: string): string[] =>
    (pem.match(/-----BEGIN[^]+?-----END CERTIFICATE-----/g) ?? []).map(
      block => new X509Certificate(block).subject,
    )
  const intermediate = 'O=Example\nCN=AI bridge proxy CA'
  assert.deepEqual(subjects(authority.certificatePem), [intermediate])
  assert.deepEqual(subjects(authority.chainPem), [intermediate])
  assert.deepEqual(subjects(authority.trustPem), [intermediate, 'CN=Example Root'])
})

test('an intermediate without its root in the file loads', async t => {
  const { follow, load } = await organisation(t)
  for (const part of ['request', 'issue']) await follow(recipe(part))
  await follow('cp intermediate.pem ca.pem')
  const authority = await load()
  assert.equal(authority.chainPem, authority.certificatePem)
})

test('a chain in the wrong order or with strangers in it is refused', async t => {
  const { follow, load } = await organisation(t)
  for (const part of ['request', 'issue']) await follow(recipe(part))

  await follow('cat root.pem intermediate.pem > ca.pem')
  const reversed = (await problemsOf(load())).join('\n')
  assert.match(reversed, /is not issued by the certificate after it: order the file/)
  assert.match(reversed, /ca\.key is not the key of .*ca\.pem/)

  await follow(`
    openssl req -x509 -newkey rsa:2048 -nodes -keyout x.key -subj "/CN=Example Root" -out x.pem
    cat intermediate.pem x.pem > ca.pem`)
  assert.match((await problemsOf(load())).join(), /is not issued by the certificate after it/)
})

test('a path length or a constraint further up counts, too', async t => {
  const { follow, load } = await organisation(t)
  await follow(recipe('request'))
  await follow(`
    printf '[v3]\\nbasicConstraints=critical,CA:TRUE,pathlen:0\\nkeyUsage=critical,keyCertSign\\nsubjectKeyIdentifier=hash\\nnameConstraints=critical,permitted;DNS:openai.com,excluded;DNS:evil.openai.com\\n' > mid.cnf
    openssl req -new -newkey rsa:2048 -nodes -keyout mid.key -subj /CN=Mid -out mid.csr
    openssl x509 -req -in mid.csr -CA root.pem -CAkey root.key -CAcreateserial -extfile mid.cnf -extensions v3 -out mid.pem
    openssl x509 -req -in ca.csr -CA mid.pem -CAkey mid.key -CAcreateserial -extfile intermediate.cnf -extensions intermediate -out intermediate.pem
    cat intermediate.pem mid.pem root.pem > ca.pem`)
  const found = (await problemsOf(load(['api.openai.com', 'api.anthropic.com']))).join('\n')
  assert.match(
    found,
    /certificate 2 \(CN=Mid\) allows 0 CAs below it \(pathlen\) but the file has 1/,
  )
  assert.match(found, /does not permit api\.anthropic\.com/)
  assert.doesNotMatch(found, /does not permit api\.openai\.com/)
})

test('a CA that constrains directory names gets leaves without a subject', async t => {
  const { directory, files, follow, load } = await organisation(t)
  await follow(recipe('request'))
  await writeFile(
    join(directory, 'dir.cnf'),
    `[v3]
basicConstraints=critical,CA:TRUE,pathlen:0
keyUsage=critical,keyCertSign
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
nameConstraints=critical,permitted;DNS:.openai.com,permitted;dirName:org
[org]
O=Example
`,
  )
  await follow(`
    openssl x509 -req -in ca.csr -CA root.pem -CAkey root.key -CAcreateserial -extfile dir.cnf -extensions v3 -out ca.pem`)
  const authority = await load(['api.openai.com'])
  assert.equal(authority.permits('openai.com'), false)
  const key = await generateLeafKey()
  const leaf = await mintLeaf(authority, 'api.openai.com', {
    key,
    lifetimeMs: WEEK,
    now: Date.now(),
  })
  await writeFile(join(directory, 'leaf.pem'), leaf.certificatePem)
  const chain = ['-CAfile', 'root.pem', '-untrusted', files.certFile]
  await openssl(directory, 'verify', '-x509_strict', ...chain, 'leaf.pem')
})
