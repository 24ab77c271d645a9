import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmod,
  chown,
  link,
  mkdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { loadAuthority } from '../../src/ca/authority.ts'
import { createAuthority } from '../../src/ca/create-authority.ts'
import { DAY, HOSTS, makeAuthority, openssl, problemsOf, temporaryDirectory } from './fixtures.ts'

async function world(t: TestContext) {
  const directory = await temporaryDirectory(t)
  await makeAuthority(directory)
  const certFile = join(directory, 'ca.pem')
  const keyFile = join(directory, 'ca.key')
  const problems = async (hosts: readonly string[] = HOSTS, now = Date.now()) =>
    await problemsOf(loadAuthority({ certFile, keyFile }, { hosts, now }))
  return { directory, certFile, keyFile, problems }
}

/** A self-signed CA by openssl, with what `options` change about it. */
async function opensslAuthority(
  directory: string,
  options: { key?: string[]; extensions?: string[]; digest?: string; days?: string } = {},
) {
  const key = options.key ?? ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256']
  const extensions = options.extensions ?? [
    'basicConstraints=critical,CA:TRUE',
    'keyUsage=critical,keyCertSign,cRLSign',
    'subjectKeyIdentifier=hash',
  ]
  await writeFile(
    join(directory, 'req.cnf'),
    `[req]\ndistinguished_name=dn\nprompt=no\nx509_extensions=v3\n[dn]\nCN=Test CA\n[v3]\n${extensions.join('\n')}\n`,
  )
  await openssl(directory, 'genpkey', '-algorithm', ...key, '-out', 'ca.key')
  await chmod(join(directory, 'ca.key'), 0o600)
  const digest = options.digest ?? '-sha256'
  const made = [
    '-x509',
    '-config',
    'req.cnf',
    '-key',
    'ca.key',
    '-days',
    options.days ?? '30',
    digest,
  ]
  await openssl(directory, 'req', ...made, '-out', 'ca.pem')
}

test('a CA made here loads without a word', async t => {
  const { problems } = await world(t)
  assert.deepEqual(await problems(), [])
})

test('a key that others can read is refused, with its mode and the fix', async t => {
  const { keyFile, problems } = await world(t)
  for (const mode of [0o644, 0o640, 0o604, 0o660, 0o601]) {
    await chmod(keyFile, mode)
    const [problem = '', ...others] = await problems()
    assert.match(problem, new RegExp(`ca\\.key has mode 0${mode.toString(8)}.*chmod 600 `))
    assert.deepEqual(others, [])
  }
  await chmod(keyFile, 0o400)
  assert.deepEqual(await problems(), [])
})

test('a key behind a symbolic link is refused', async t => {
  const { directory, keyFile, problems } = await world(t)
  await rename(keyFile, join(directory, 'real.key'))
  await symlink('real.key', keyFile)
  assert.match((await problems()).join(), /ca\.key is a symbolic link: name the file itself/)
})

test('a FIFO or a directory in place of a file is refused at once', async t => {
  const { certFile, keyFile, problems } = await world(t)
  await rm(keyFile)
  await rm(certFile)
  await mkdir(certFile)
  execFileSync('sh', ['-c', 'mkfifo -m 600 "$0"', keyFile])
  const text = (await problems()).join('\n')
  assert.match(text, /ca\.key is not a regular file/)
  assert.match(text, /ca\.pem is not a regular file/)
})

test('a key with a second hard link is refused', async t => {
  const { directory, keyFile, problems } = await world(t)
  await link(keyFile, join(directory, 'copy.key'))
  assert.match((await problems()).join(), /ca\.key has 2 hard links/)
})

test('a key in a directory that others can write to is refused', async t => {
  const { directory, problems } = await world(t)
  for (const mode of [0o777, 0o770, 0o1777]) {
    await chmod(directory, mode)
    assert.match((await problems()).join(), /can be written by others \(mode \d+\): chmod go-w /)
  }
  await chmod(directory, 0o755)
  assert.deepEqual(await problems(), [])
})

test("another user's key is refused", {
  skip: process.getuid?.() !== 0 && 'needs root',
}, async t => {
  const { keyFile, problems } = await world(t)
  await chown(keyFile, 12_345, 12_345)
  assert.match((await problems()).join(), /ca\.key belongs to user 12345: chown /)
})

test('missing files are both named', async t => {
  const { certFile, keyFile, problems } = await world(t)
  await rm(certFile)
  await rm(keyFile)
  const found = await problems()
  assert.equal(found.length, 2)
  assert.match(found.join('\n'), /ca\.pem does not exist.*\n.*ca\.key does not exist/)
})

test('files that hold no PEM are refused', async t => {
  const { certFile, keyFile, problems } = await world(t)
  const broken = '-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydA==\n-----END CERTIFICATE-----\n'
  const brokenKey = broken.replaceAll('CERTIFICATE', 'PRIVATE KEY')
  for (const [cert, key] of [
    ['', ''],
    ['garbage', '\0'.repeat(100)],
    [broken, brokenKey],
  ] as const) {
    await writeFile(certFile, cert)
    await writeFile(keyFile, key)
    const text = (await problems()).join('\n')
    assert.match(text, /ca\.pem(: certificate 1 cannot be read| holds no PEM certificate)/)
    assert.match(text, /ca\.key holds (0 private keys|no readable private key)/)
  }
})

test('a certificate file of more than 1 MiB is not read', async t => {
  const { certFile, problems } = await world(t)
  await writeFile(certFile, 'x'.repeat(1024 * 1024 + 1))
  assert.match((await problems()).join(), /ca\.pem is over 1 MiB/)
})

test('a certificate file that also holds a private key is refused', async t => {
  const { certFile, keyFile, problems } = await world(t)
  await writeFile(certFile, (await readFile(certFile, 'utf8')) + (await readFile(keyFile, 'utf8')))
  assert.match((await problems()).join(), /ca\.pem also holds a private key/)
})

test('an encrypted key is refused with the command that decrypts it', async t => {
  const { directory, keyFile, problems } = await world(t)
  for (const extra of [[], ['-traditional']]) {
    await makeAuthority(directory)
    const args = ['pkey', '-in', 'ca.key', '-aes256', '-passout', 'pass:secret', ...extra]
    const encrypted = await openssl(directory, ...args)
    await writeFile(keyFile, encrypted)
    assert.match((await problems()).join(), /ca\.key is encrypted: decrypt it \(openssl pkey/)
  }
})

test('a key that belongs to another certificate is refused', async t => {
  const { keyFile, problems } = await world(t)
  const other = { hosts: HOSTS, keyType: 'ec', lifetimeDays: 1, now: Date.now() } as const
  await writeFile(keyFile, (await createAuthority(other)).privateKeyPem)
  assert.match((await problems()).join(), /ca\.key is not the key of .*ca\.pem/)
})

test('a CA outside its dates is refused', async t => {
  const { problems } = await world(t)
  assert.match((await problems(HOSTS, Date.now() + 366 * DAY)).join(), /ca\.pem expired on 20/)
  assert.match((await problems(HOSTS, Date.now() - 2 * DAY)).join(), /not valid before 20/)
})

test('certificates that must not or should not sign are refused', async t => {
  const { directory, problems } = await world(t)
  const ca = 'basicConstraints=critical,CA:TRUE'
  const rsa = (bits: number): string[] => ['RSA', '-pkeyopt', `rsa_keygen_bits:${bits}`]
  const cases = [
    [{ extensions: ['basicConstraints=critical,CA:FALSE'] }, /is not a CA/],
    [{ extensions: [ca, 'keyUsage=critical,digitalSignature,cRLSign'] }, /lacks keyCertSign/],
    [{ extensions: [ca, 'extendedKeyUsage=clientAuth'] }, /lacks serverAuth/],
    [{ key: rsa(1024) }, /RSA key of 1024 bits: use 2048/],
    [{ digest: '-sha1' }, /is signed with .*sha1.*: have it issued again with SHA-256/i],
    [{ key: ['ED25519'], digest: '-sha512' }, /has a key of type ed25519: use P-256 or RSA/],
    [{ key: ['EC', '-pkeyopt', 'ec_paramgen_curve:P-521'] }, /has a key of type secp521r1/],
  ] as const
  for (const [options, expected] of cases) {
    await opensslAuthority(directory, options as Parameters<typeof opensslAuthority>[1])
    const found = await problems([])
    assert.equal(found.length, 1, found.join('\n'))
    assert.match(found[0] ?? '', expected)
  }
})

test("the CA recipe of Coder's manual loads, with warnings", async t => {
  const directory = await temporaryDirectory(t)
  await opensslAuthority(directory, {
    key: ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
    extensions: ['basicConstraints=critical,CA:TRUE'],
  })
  const files = { certFile: join(directory, 'ca.pem'), keyFile: join(directory, 'ca.key') }
  const authority = await loadAuthority(files, { hosts: HOSTS, now: Date.now() })
  assert.match(authority.warnings.join('\n'), /no key usage extension: Python 3\.13/)
})

test('a listed host that the CA does not permit refuses the start with the command', async t => {
  const { problems } = await world(t)
  const found = await problems([...HOSTS, 'api.example.com', '192.0.2.1'])
  assert.equal(found.length, 1)
  assert.match(
    found[0] ?? '',
    /does not permit api\.example\.com, 192\.0\.2\.1 .*`aibridgeproxyd ca rotate`.*`--finish`.*`ca init --force`.*`--unconstrained`/,
  )
})

test('all problems come at once', async t => {
  const { directory, keyFile, problems } = await world(t)
  await chmod(keyFile, 0o644)
  await chmod(directory, 0o777)
  await writeFile(join(directory, 'ca.pem'), 'garbage')
  assert.equal((await problems()).length, 3)
})

test('a CA for addresses only signs for no name at all', async t => {
  const authority = await makeAuthority(await temporaryDirectory(t), { hosts: ['192.0.2.7'] })
  assert.equal(authority.permits('192.0.2.7'), true)
  assert.equal(authority.permits('192.0.2.8'), false)
  assert.equal(authority.permits('2001:db8::1'), false)
  assert.equal(authority.permits('api.openai.com'), false)
})

test('an unconstrained CA signs for everything', async t => {
  const authority = await makeAuthority(await temporaryDirectory(t), {
    unconstrained: true,
    hosts: [],
  })
  for (const host of ['a.example', '192.0.2.7', '2001:db8::1']) assert.ok(authority.permits(host))
})
