import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Authority } from '../../src/ca/authority.ts'
import { BACKDATED_MS, mintLeaf } from '../../src/ca/leaf.ts'
import { generateLeafKey } from '../../src/ca/leaf-key.ts'
import { DAY, HOSTS, makeAuthority, openssl, temporaryDirectory, WEEK } from './fixtures.ts'

const key = await generateLeafKey()
const HOST = 'api.openai.com'

async function mint(authority: Authority, host = HOST, now = Date.now()) {
  const leaf = await mintLeaf(authority, host, { key, lifetimeMs: WEEK, now })
  return { ...leaf, certificate: new X509Certificate(leaf.certificatePem) }
}

for (const keyType of ['ec', 'rsa'] as const) {
  test(`openssl verifies a leaf strictly under an ${keyType} CA`, async t => {
    const directory = await temporaryDirectory(t)
    const { certificatePem } = await mint(await makeAuthority(directory, { keyType }))
    await writeFile(join(directory, 'leaf.pem'), certificatePem)

    const args = ['-x509_strict', '-purpose', 'sslserver', '-verify_hostname', HOST]
    const verdict = await openssl(directory, 'verify', ...args, '-CAfile', 'ca.pem', 'leaf.pem')
    assert.equal(verdict, 'leaf.pem: OK\n')

    const text = await openssl(directory, 'x509', '-in', 'leaf.pem', '-noout', '-text')
    const signature = keyType === 'ec' ? 'ecdsa-with-SHA256' : 'sha256WithRSAEncryption'
    assert.match(text, new RegExp(`Signature Algorithm: ${signature}`))
  })
}

test('a leaf has the extensions of a server certificate and no others', async t => {
  const directory = await temporaryDirectory(t)
  const { certificatePem } = await mint(await makeAuthority(directory))
  await writeFile(join(directory, 'leaf.pem'), certificatePem)
  const text = await openssl(directory, 'x509', '-in', 'leaf.pem', '-noout', '-text')

  assert.match(text, /Version: 3/)
  assert.match(text, /Basic Constraints: critical\n\s+CA:FALSE\n/)
  assert.match(text, /Key Usage: critical\n\s+Digital Signature\n/)
  assert.match(text, /Extended Key Usage: \n\s+TLS Web Server Authentication\n/)
  assert.match(text, /Subject Alternative Name: \n\s+DNS:api\.openai\.com\n/)
  assert.match(text, /NIST CURVE: P-256/)
  assert.equal(text.match(/^ {12}X509v3 /gm)?.length, 6)

  const authorityKeyId = /Authority Key Identifier: \n\s+([0-9A-F:]+)/.exec(text)?.[1]
  const ca = await openssl(
    directory,
    'x509',
    '-in',
    'ca.pem',
    '-noout',
    '-ext',
    'subjectKeyIdentifier',
  )
  assert.ok(authorityKeyId !== undefined && ca.includes(authorityKeyId))
})

test('a leaf is backdated by an hour and lives for its lifetime', async t => {
  const now = Math.floor(Date.now() / 1000) * 1000
  const { certificate, ...leaf } = await mint(
    await makeAuthority(await temporaryDirectory(t)),
    HOST,
    now,
  )

  assert.equal(certificate.validFromDate.getTime(), now - BACKDATED_MS)
  assert.equal(certificate.validToDate.getTime(), now - BACKDATED_MS + WEEK)
  assert.equal(leaf.validFrom, certificate.validFromDate.getTime())
  assert.equal(leaf.expiresAt, certificate.validToDate.getTime())
})

test('a leaf is never valid outside the dates of its CA', async t => {
  const authority = await makeAuthority(await temporaryDirectory(t), { lifetimeDays: 2 })

  const { certificate } = await mint(authority)
  assert.equal(certificate.validToDate.getTime(), authority.expiresAt)
  const early = await mint(authority, HOST, authority.validFrom + 1000)
  assert.equal(early.certificate.validFromDate.getTime(), authority.validFrom)
  await assert.rejects(mint(authority, HOST, authority.expiresAt), RangeError)
  await assert.rejects(mint(authority, HOST, authority.validFrom - 1000), RangeError)
})

test('dates from 2050 on are written as generalized time', async t => {
  const directory = await temporaryDirectory(t)
  const now = Date.UTC(2049, 11, 31)
  const { certificate } = await mint(await makeAuthority(directory, { now }), HOST, now)
  assert.equal(certificate.validToDate.getTime(), now - BACKDATED_MS + WEEK)
  const dump = await openssl(directory, 'asn1parse', '-in', 'ca.pem')
  assert.match(dump, /UTCTIME\s+:491230/)
  assert.match(dump, /GENERALIZEDTIME\s+:20501231/)
})

test('serial numbers are positive, of 16 bytes and never the same', async t => {
  const authority = await makeAuthority(await temporaryDirectory(t))
  const serials = new Set<string>()
  for (let i = 0; i < 500; i++) serials.add((await mint(authority)).certificate.serialNumber)

  assert.equal(serials.size, 500)
  for (const serial of serials) assert.match(serial, /^[4-7][0-9A-F]{31}$/)
})

test('five hundred leaves in PEM are all readable, whatever their length', async t => {
  const authority = await makeAuthority(await temporaryDirectory(t), { hosts: ['com'] })
  for (let length = 1; length <= 58; length++) {
    const host = `${'a'.repeat(length)}.com`
    for (let i = 0; i < 9; i++) {
      const { certificatePem, certificate } = await mint(authority, host)
      assert.doesNotMatch(certificatePem, /\n\n/)
      assert.equal(certificate.subjectAltName, `DNS:${host}`)
    }
  }
})

test('a name over 64 characters has an empty subject and a critical SAN', async t => {
  const directory = await temporaryDirectory(t)
  const host = `${'a'.repeat(60)}.api.openai.com`
  const { certificatePem } = await mint(await makeAuthority(directory), host)
  await writeFile(join(directory, 'leaf.pem'), certificatePem)

  const text = await openssl(directory, 'x509', '-in', 'leaf.pem', '-noout', '-text')
  assert.match(text, /Subject: \n/)
  assert.match(text, /Subject Alternative Name: critical/)
  await openssl(directory, 'verify', '-x509_strict', '-CAfile', 'ca.pem', 'leaf.pem')
})

test('an address is named as an address', async t => {
  const directory = await temporaryDirectory(t)
  const hosts = ['api.openai.com', '192.0.2.7', '2001:db8::7']
  const authority = await makeAuthority(directory, { hosts })

  for (const host of hosts.slice(1)) {
    const { certificatePem, certificate } = await mint(authority, host)
    assert.equal(certificate.checkIP(host), host)
    await writeFile(join(directory, 'leaf.pem'), certificatePem)
    await openssl(
      directory,
      'verify',
      '-x509_strict',
      '-verify_ip',
      host,
      '-CAfile',
      'ca.pem',
      'leaf.pem',
    )
  }
})

test('nothing but a plain permitted host gets a leaf', async t => {
  const authority = await makeAuthority(await temporaryDirectory(t), { unconstrained: true })
  const bad = ['', '*.openai.com', 'a\0.com', 'a..b', '.a.com', 'a.com.', 'A.com', '-a.com', 'a b']
  for (const host of [
    ...bad,
    'bücher.example',
    `${'a.'.repeat(127)}com`,
    '::g',
    '[::1]',
    'fe80::1%eth0',
  ]) {
    await assert.rejects(mint(authority, host), RangeError, JSON.stringify(host))
  }

  const constrained = await makeAuthority(await temporaryDirectory(t))
  for (const host of [
    'example.com',
    'evilapi.openai.com.example',
    'xapi.openai.com',
    '192.0.2.7',
    '::1',
  ]) {
    await assert.rejects(mint(constrained, host), /does not permit/, host)
  }
  assert.ok(HOSTS.every(host => constrained.permits(host)))
})

test('a leaf of 7 days takes no more than a day of margin from a CA of a year', async t => {
  const authority = await makeAuthority(await temporaryDirectory(t))
  const { expiresAt, validFrom } = await mint(authority)
  assert.ok(expiresAt - validFrom <= WEEK)
  assert.ok(expiresAt > Date.now() + 6 * DAY)
})
