import assert from 'node:assert/strict'
import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadAuthority } from '../../src/ca/authority.ts'
import { ensureAuthority, replaceAuthority } from '../../src/ca/ensure-authority.ts'
import { HOSTS, problemsOf, temporaryDirectory } from './fixtures.ts'

const request = { hosts: HOSTS, keyType: 'ec', lifetimeDays: 365, now: Date.now() } as const
const context = { hosts: HOSTS, now: Date.now() }

test('the first start makes a CA that only its user can read', async t => {
  const directory = join(await temporaryDirectory(t), 'state', 'deep')
  const files = await ensureAuthority(directory, request)

  assert.equal(files.created, true)
  assert.equal((await stat(directory)).mode & 0o777, 0o700)
  assert.equal((await stat(files.keyFile)).mode & 0o777, 0o600)
  assert.equal((await stat(files.certFile)).mode & 0o777, 0o644)
  assert.deepEqual((await readdir(directory)).sort(), ['ca.key', 'ca.pem'])
  await loadAuthority(files, context)
})

test('a later start leaves the CA as it is', async t => {
  const directory = await temporaryDirectory(t)
  const { certFile } = await ensureAuthority(directory, request)
  const before = await readFile(certFile, 'utf8')
  assert.equal((await ensureAuthority(directory, request)).created, false)
  assert.equal(await readFile(certFile, 'utf8'), before)
})

test('ten first starts at once agree on one CA', async t => {
  const directory = await temporaryDirectory(t)
  const all = await Promise.all(
    Array.from({ length: 10 }, async () => {
      const files = await ensureAuthority(directory, request)
      return { ...files, authority: await loadAuthority(files, context) }
    }),
  )
  assert.equal(all.filter(files => files.created).length, 1)
  assert.equal(new Set(all.map(files => files.authority.certificatePem)).size, 1)
  assert.deepEqual((await readdir(directory)).sort(), ['ca.key', 'ca.pem'])
})

test('a certificate without its key is a problem, not a reason to make another CA', async t => {
  const directory = await temporaryDirectory(t)
  const files = await ensureAuthority(directory, request)
  await rm(files.keyFile)
  const [problem = ''] = await problemsOf(ensureAuthority(directory, request))
  assert.match(problem, /ca\.pem exists but .*ca\.key does not/)
  assert.deepEqual(await readdir(directory), ['ca.pem'])
})

test('a key whose maker died before the certificate was written gets one', async t => {
  const directory = await temporaryDirectory(t)
  const files = await ensureAuthority(directory, request)
  const key = await readFile(files.keyFile, 'utf8')
  await rm(files.certFile)
  const both = await Promise.all([
    ensureAuthority(directory, request),
    ensureAuthority(directory, request),
  ])
  assert.equal(both.filter(({ created }) => created).length, 1)
  assert.equal(await readFile(files.keyFile, 'utf8'), key)
  await loadAuthority(files, context)
})

test('no CA is made where others can write', async t => {
  const directory = await temporaryDirectory(t)
  await chmod(directory, 0o777)
  for (const make of [ensureAuthority, replaceAuthority]) {
    assert.match((await problemsOf(make(directory, request))).join(), /can be written by others/)
  }
  assert.deepEqual(await readdir(directory), [])
})

test('replacing a CA leaves a whole pair and the right modes', async t => {
  const directory = await temporaryDirectory(t)
  await writeFile(join(directory, 'ca.key'), 'old', { mode: 0o644 })
  const files = await replaceAuthority(directory, request)
  assert.equal((await stat(files.keyFile)).mode & 0o777, 0o600)
  await loadAuthority(files, context)
})

test('a state directory that cannot be made is a problem with a fix', async t => {
  const directory = await temporaryDirectory(t)
  await writeFile(join(directory, 'file'), '')
  const problems = await problemsOf(ensureAuthority(join(directory, 'file', 'state'), request))
  assert.match(problems.join(), /state cannot be written to \(.*ENOTDIR.*name another one/)
})
