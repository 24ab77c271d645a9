import assert from 'node:assert/strict'
import { readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadAuthority } from '../../src/ca/authority.ts'
import type { NewAuthority } from '../../src/ca/create-authority.ts'
import { authorityFiles } from '../../src/ca/ensure-authority.ts'
import { pemBlocks } from '../../src/ca/pem.ts'
import {
  finishRotation,
  forgetRotation,
  nextFiles,
  overlapPem,
  prepareRotation,
} from '../../src/ca/rotation.ts'
import { DAY, HOSTS, makeAuthority, problemsOf, temporaryDirectory } from './fixtures.ts'

const NOW = Date.now()
const CONTEXT = { hosts: HOSTS, now: NOW }
const NEXT: NewAuthority = { hosts: HOSTS, keyType: 'ec', lifetimeDays: 365, now: NOW }

test('the next CA is trusted and does not sign yet', async t => {
  const directory = await temporaryDirectory(t)
  const present = await makeAuthority(directory)
  const { certFile, keyFile } = await prepareRotation(directory, NEXT)

  assert.equal((await stat(keyFile)).mode & 0o777, 0o600)
  assert.equal(await overlapPem(directory, NOW), await readFile(certFile, 'utf8'))
  const loaded = await loadAuthority(authorityFiles(directory), CONTEXT)
  assert.equal(loaded.certificatePem, present.certificatePem)
})

test('finished, it signs, and the last CA stays trusted until it ends', async t => {
  const directory = await temporaryDirectory(t)
  const present = await makeAuthority(directory, { lifetimeDays: 30 })
  const nextPem = await readFile((await prepareRotation(directory, NEXT)).certFile, 'utf8')
  await finishRotation(directory, CONTEXT)

  const loaded = await loadAuthority(authorityFiles(directory), CONTEXT)
  assert.equal(loaded.certificatePem, nextPem)
  assert.equal(await overlapPem(directory, NOW), present.certificatePem)
  assert.equal(await overlapPem(directory, NOW + 31 * DAY), '')
  assert.deepEqual((await readdir(directory)).sort(), ['ca-last.pem', 'ca.key', 'ca.pem'])
})

test('what a crash left half done is finished by doing it again', async t => {
  for (const done of ['last', 'key', 'certificate']) {
    const directory = await temporaryDirectory(t)
    const present = await makeAuthority(directory)
    const next = await prepareRotation(directory, NEXT)
    const nextPem = await readFile(next.certFile, 'utf8')
    const files = authorityFiles(directory)
    await writeFile(join(directory, 'ca-last.pem'), present.certificatePem)
    if (done !== 'last') await writeFile(files.keyFile, await readFile(next.keyFile))
    if (done === 'certificate') await writeFile(files.certFile, nextPem)

    await finishRotation(directory, CONTEXT)
    assert.equal((await loadAuthority(files, CONTEXT)).certificatePem, nextPem, done)
    assert.equal(await overlapPem(directory, NOW), present.certificatePem, done)
  }
})

test('it is refused without a CA to follow, twice, and before it is prepared', async t => {
  const directory = await temporaryDirectory(t)
  assert.match(String(await problemsOf(prepareRotation(directory, NEXT))), /ca\.key does not exist/)
  await makeAuthority(directory)
  assert.match(
    String(await problemsOf(finishRotation(directory, CONTEXT))),
    /no next CA is prepared/,
  )
  await prepareRotation(directory, NEXT)
  assert.match(String(await problemsOf(prepareRotation(directory, NEXT))), /prepared already/)
})

test('a next CA that cannot be used takes nothing over', async t => {
  const directory = await temporaryDirectory(t)
  const present = await makeAuthority(directory)
  await prepareRotation(directory, { ...NEXT, hosts: ['other.example'] })
  assert.match(String(await problemsOf(finishRotation(directory, CONTEXT))), /does not permit/)
  const kept = await loadAuthority(authorityFiles(directory), CONTEXT)
  assert.equal(kept.certificatePem, present.certificatePem)
})

test('a key that may be stolen leaves nothing trusted behind', async t => {
  const directory = await temporaryDirectory(t)
  await makeAuthority(directory)
  await prepareRotation(directory, NEXT)
  await rename(nextFiles(directory).certFile, join(directory, 'ca-last.pem'))
  await forgetRotation(directory)
  assert.deepEqual(pemBlocks(await overlapPem(directory, NOW)), [])
  assert.deepEqual((await readdir(directory)).sort(), ['ca.key', 'ca.pem'])
})
