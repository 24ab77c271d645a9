import assert from 'node:assert/strict'
import { readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { loadAuthority } from '../../src/ca/authority.ts'
import { pemBlocks } from '../../src/ca/pem.ts'
import { runCa } from '../../src/cli/ca.ts'
import { HOSTS, temporaryDirectory } from '../ca/fixtures.ts'
import { captured } from '../support/command-line.ts'

async function world(t: TestContext) {
  const stateDir = join(await temporaryDirectory(t), 'state')
  const ca = async (...args: string[]) =>
    await captured(io => runCa(args, io, { stateDir, hosts: HOSTS, ca: undefined }))
  const files = { certFile: join(stateDir, 'ca.pem'), keyFile: join(stateDir, 'ca.key') }
  return { stateDir, ca, files }
}

test('init makes a constrained CA and its bundle, and tells what it made', async t => {
  const { stateDir, ca, files } = await world(t)
  const { code, stdout, stderr } = await ca('init')

  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /^Subject +CN=aibridgeproxyd CA [0-9a-f]{8}$/m)
  assert.match(stdout, /^SHA-256 +([0-9A-F]{2}:){31}[0-9A-F]{2}$/m)
  assert.match(stdout, /^Key type +ECDSA P-256$/m)
  assert.match(stdout, /^Permitted +api\.openai\.com, api\.anthropic\.com$/m)
  assert.match(stdout, /^Excluded +every IPv4 address, every IPv6 address$/m)
  assert.ok(stdout.includes(join(stateDir, 'bundle.pem')))
  await loadAuthority(files, { hosts: HOSTS, now: Date.now() })
})

test('init takes key type, days, hosts and directory', async t => {
  const { stateDir, ca } = await world(t)
  const dir = join(stateDir, 'other')
  const { code, stdout } = await ca(
    'init',
    '--dir',
    dir,
    '--key-type',
    'rsa',
    '--days',
    '30',
    '--hosts',
    'A.example,192.0.2.7',
  )
  assert.equal(code, 0)
  assert.match(stdout, /^Key type +RSA 3072$/m)
  assert.match(stdout, /^Permitted +a\.example, 192\.0\.2\.7\/255\.255\.255\.255$/m)
  assert.equal((await ca('show', '--dir', dir)).code, 0)
  assert.equal((await ca('show')).code, 2)
})

test('init does not replace a CA unless forced', async t => {
  const { ca, files } = await world(t)
  await ca('init')
  const first = await readFile(files.certFile, 'utf8')
  const again = await ca('init')
  assert.equal(again.code, 2)
  assert.match(again.stderr, /exists: --force replaces it/)
  assert.equal(await readFile(files.certFile, 'utf8'), first)

  const forced = await ca('init', '--force', '--unconstrained')
  assert.equal(forced.code, 0)
  assert.match(forced.stdout, /^Permitted +any host/m)
  assert.match(forced.stderr, /clients must trust the new CA/)
  assert.notEqual(await readFile(files.certFile, 'utf8'), first)
})

test('show needs no key', async t => {
  const { ca, files } = await world(t)
  const made = await ca('init')
  await rm(files.keyFile)
  const { code, stdout } = await ca('show')
  assert.equal(code, 0)
  assert.equal(made.stdout.startsWith(stdout), true)
})

test('bundle prints or writes system roots and our CA, never a key', async t => {
  const { stateDir, ca, files } = await world(t)
  await ca('init')
  const { stdout } = await ca('bundle')
  const own = await readFile(files.certFile, 'utf8')
  assert.equal(pemBlocks(stdout).at(-1)?.text, own)
  assert.ok(pemBlocks(stdout).every(block => block.label === 'CERTIFICATE'))

  const out = join(stateDir, 'out.pem')
  assert.deepEqual(await ca('bundle', '--out', out), { code: 0, stdout: '', stderr: '' })
  assert.equal(await readFile(out, 'utf8'), stdout)
  assert.equal((await stat(out)).mode & 0o777, 0o644)
})

test('mistakes on the command line are named, all at once, with exit code 2', async t => {
  const { ca } = await world(t)
  const cases = [
    [[], /ca needs a command[\s\S]*Usage:/],
    [['mint'], /unknown command: ca mint/],
    [['init', '--nope'], /--nope/],
    [['init', 'extra'], /extra/],
    [['show', '--force'], /ca show does not take --force/],
    [['init', '--hosts', 'a.example', '--unconstrained'], /exclude each other/],
    [['init', '--hosts', '*.example'], /--hosts: "\*\.example" is not a host/],
  ] as const
  for (const [args, expected] of cases) {
    const { code, stderr, stdout } = await ca(...args)
    assert.deepEqual([code, stdout], [2, ''], args.join(' '))
    assert.match(stderr, expected)
  }
  const { stderr } = await ca('init', '--days', '0', '--key-type', 'dsa', '--hosts', '')
  assert.match(stderr, /--hosts: "" [\s\S]*--key-type must be ec or rsa[\s\S]*--days must be/)
})

test('rotate hands out the next CA, and with --finish lets it sign', async t => {
  const { stateDir, ca, files } = await world(t)
  await ca('init')
  const present = await readFile(files.certFile, 'utf8')
  const prepared = await ca('rotate', '--days', '90')
  assert.equal(prepared.code, 0)
  assert.match(prepared.stderr, /ca rotate --finish/)
  const trusted = async (): Promise<string[]> =>
    pemBlocks(await readFile(join(stateDir, 'trusted.pem'), 'utf8')).map(({ text }) => text)
  const [first, next, ...more] = await trusted()
  assert.deepEqual([first, more], [present, []])
  assert.ok((await ca('bundle')).stdout.includes(next ?? assert.fail()))

  assert.equal((await ca('rotate')).code, 2)
  assert.equal((await ca('rotate', '--finish', '--days', '9')).code, 2)
  assert.equal((await ca('rotate', '--finish')).code, 0)
  assert.equal(await readFile(files.certFile, 'utf8'), next)
  assert.deepEqual(await trusted(), [next, present])
  assert.equal((await ca('rotate', '--finish')).code, 2)

  await ca('init', '--force')
  assert.equal((await trusted()).length, 1)
})
