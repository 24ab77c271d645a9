import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { DumpDirectory } from '../../src/record/dumps/dump-directory.ts'
import type { DumpBounds } from '../../src/record/dumps/dump-file.ts'
import { maskedAnswerHead, maskedRequestHead } from '../../src/record/dumps/masked-head.ts'
import { temporaryDirectory } from './support.ts'

const ID = '00000000-0000-4000-8000-000000000000'
const nameOf = (index: number): string => `${1_700_000_000_000 + index}-${ID}-1.req.txt`

function open(t: TestContext, bounds: Partial<DumpBounds>, path = temporaryDirectory(t)) {
  const warnings: string[] = []
  const dumps = new DumpDirectory(path, {
    option: 'DUMP_DIR',
    providers: ['openai'],
    warn: problem => warnings.push(problem),
    bounds,
  })
  const write = async (index: number, text: string): Promise<string> => {
    const file = dumps.create('openai', nameOf(index))
    file?.write(Buffer.from(text))
    file?.end()
    const written = join(path, 'openai', nameOf(index))
    while (!existsSync(written)) await turn()
    return written
  }
  return { dumps, path, warnings, write }
}

test('the oldest dumps make room for the newest', async t => {
  const { path, write } = open(t, { directoryBytes: 10 })
  const first = await write(1, '12345')
  const second = await write(2, '12345')
  const third = await write(3, '123456')
  while (existsSync(first) || existsSync(second)) await turn()
  assert.deepEqual(readdirSync(join(path, 'openai')), [third.split('/').at(-1)])
})

test('what is still written to a dump that had to go takes no room from others', async t => {
  const { dumps, write } = open(t, { directoryBytes: 10 })
  const file = dumps.create('openai', nameOf(0))
  file?.write(Buffer.from('12345'))
  await write(1, '1234567890')
  file?.write(Buffer.from('1234567890'))
  file?.end()
  const kept = await write(2, '12345')
  await write(3, '12345')
  assert.ok(existsSync(kept))
})

test('dumps that were there count as well, and what is no dump stays', async t => {
  const path = temporaryDirectory(t)
  open(t, {}, path)
  const place = (name: string): string => join(path, 'openai', name)
  writeFileSync(place(nameOf(0)), '12345678')
  writeFileSync(place('notes.txt'), '12345678')
  const { write } = open(t, { directoryBytes: 10 }, path)
  const kept = await write(1, '12345')
  while (existsSync(place(nameOf(0)))) await turn()
  assert.ok(existsSync(kept) && existsSync(place('notes.txt')))
})

test('a dump ends at its bound, and says so', async t => {
  const { write } = open(t, { fileBytes: 4 })
  const path = await write(1, '123456')
  const whole = '1234\n[aibridgeproxyd: the rest is longer than a dump may be]\n'
  while (readFileSync(path, 'utf8') !== whole) await turn()
})

test('what the disk does not take in time is left out, for all files together', async t => {
  const { dumps, path } = open(t, { waitingBytes: 10 })
  const [first, second] = [1, 2].map(index => dumps.create('openai', nameOf(index)))
  first?.write(Buffer.from('12345678'))
  second?.write(Buffer.from('1234'))
  first?.end()
  const late = join(path, 'openai', nameOf(2))
  const whole = '\n[aibridgeproxyd: the disk was too slow for the rest]\n'
  while (!existsSync(late) || readFileSync(late, 'utf8') !== whole) await turn()
})

test('what is beyond the files that may be open at once is left out, with one warning', t => {
  const { dumps, warnings } = open(t, { openFiles: 1 })
  assert.ok(dumps.create('openai', nameOf(1)))
  assert.equal(dumps.create('openai', nameOf(2)), undefined)
  assert.equal(dumps.create('openai', nameOf(3)), undefined)
  assert.equal(warnings.length, 1)
})

test('a file that cannot be written is a warning', async t => {
  const { dumps, warnings } = open(t, {})
  dumps.create('nobody', nameOf(1))?.write(Buffer.from('text'))
  while (warnings.length === 0) await turn()
  assert.match(warnings[0] ?? '', /ENOENT/)
})

test('credentials are masked, in whatever header or parameter', () => {
  const secret = 'topsecrettopsecrettopsecret'
  for (const name of [
    'Authorization',
    'Proxy-Authorization',
    'X-Api-Key',
    'api-key',
    'x-goog-api-key',
    'Cookie',
    'Coder-Session-Token',
    'X-Coder-AI-Governance-Token',
    'X-Amz-Security-Token',
    'X-Auth-Token',
    'Helicone-Auth',
    'Ocp-Apim-Subscription-Key',
  ]) {
    const head = maskedRequestHead({ method: 'GET', path: '/', headers: [name, secret] })
    assert.equal(head, `GET / HTTP/1.1\r\n${name}: tops...cret\r\n\r\n`)
  }
  for (const parameter of ['key', 'api_key', 'k%65y', 'X-Amz-Signature', 'access_token']) {
    const path = `/v1/x?a=b&${parameter}=${secret}&c=d`
    const head = maskedRequestHead({ method: 'GET', path, headers: [] })
    assert.ok(!head.includes(secret) && head.includes('?a=b&') && head.includes('&c=d'), head)
  }
  const protocols = ['Sec-WebSocket-Protocol', `realtime, openai-insecure-api-key.sk-${secret}`]
  assert.ok(!maskedRequestHead({ method: 'GET', path: '/', headers: protocols }).includes(secret))
})

test('what only sounds like a credential is kept', () => {
  const headers = [
    'x-ratelimit-remaining-tokens',
    '149984',
    'Sec-WebSocket-Key',
    'dGhlIHNhbXBsZQ==',
  ]
  const head = maskedAnswerHead({ status: 200, statusText: 'OK', headers })
  assert.ok(head.includes('149984') && head.includes('dGhlIHNhbXBsZQ=='))
})
