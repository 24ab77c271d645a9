import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Refusal } from '../../src/kernel/error.ts'
import { databaseFile } from '../../src/record/database.ts'
import type { Recorder } from '../../src/record/recorder.ts'
import { ended, intent, openRecorder, pick, request, response } from './books-support.ts'
import { temporaryDirectory } from './support.ts'

const notRoot = process.geteuid?.() === 0 ? false : 'only root can mount a file system'

/** A file system of 8 MB. */
function smallDisk(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'aibp-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=700', 'tmpfs', directory])
  t.after(() => {
    execFileSync('umount', ['-l', directory])
    rmSync(directory, { recursive: true })
  })
  return directory
}

async function isRefused(recorder: Recorder, problem: RegExp): Promise<void> {
  await assert.rejects(recorder.begin(intent()), (error: unknown) => {
    assert.ok(error instanceof Refusal)
    assert.equal(error.reason, 'accounting_unavailable')
    assert.match(error.detail ?? '', problem)
    return true
  })
}

/** Begins calls until one is let in. */
async function recovers(recorder: Recorder, withinMs: number): Promise<void> {
  const until = performance.now() + withinMs
  for (;;) {
    try {
      return await recorder.begin(intent())
    } catch (error) {
      if (performance.now() > until) throw error
      await delay(50)
    }
  }
}

test('on a full disk calls are refused, and come through again when there is room', {
  skip: notRoot,
}, async t => {
  const stateDir = smallDisk(t)
  const { recorder, rows, states } = await openRecorder(t, { stateDir })
  const before = intent()
  await recorder.begin(before)
  const ballast = join(stateDir, 'ballast')
  assert.throws(() => writeFileSync(ballast, Buffer.alloc(16 * 1024 * 1024)), { code: 'ENOSPC' })
  // The pages that SQLite has already are used up first.
  const full = async (): Promise<void> => {
    for (;;) await recorder.begin(intent({ path: `/${'x'.repeat(2000)}` }))
  }
  await assert.rejects(full(), { reason: 'accounting_unavailable' })
  await isRefused(recorder, /disk/)
  assert.equal(recorder.available, false)
  await recorder.flush()
  assert.equal(recorder.available, false, 'asking again takes room, too')
  recorder.response(before.callId, response())
  recorder.finish(ended(before))

  rmSync(ballast)
  await recovers(recorder, 5000)
  await recorder.flush()
  assert.equal(recorder.available, true)
  assert.equal(states.length, 2)
  assert.match(states[0] ?? '', /disk is full: make room/)
  assert.equal(states[1], undefined)
  const [row] = rows(`SELECT status FROM interceptions WHERE id = '${before.callId}'`)
  assert.equal(row?.['status'], 'completed', 'what ended in the meantime was kept')
  assert.equal(rows('PRAGMA integrity_check')[0]?.['integrity_check'], 'ok')
})

test('a disk that is read-only refuses the start, with what to do about it', {
  skip: notRoot,
}, async t => {
  const stateDir = smallDisk(t)
  const { recorder } = await openRecorder(t, { stateDir })
  await recorder.begin(intent())
  await recorder[Symbol.asyncDispose]()
  execFileSync('mount', ['-o', 'remount,ro', stateDir])
  await assert.rejects(openRecorder(t, { stateDir }), {
    name: 'ConfigurationError',
    message: /read-only/i,
  })
  execFileSync('mount', ['-o', 'remount,rw', stateDir])
  const again = await openRecorder(t, { stateDir })
  await again.recorder.begin(intent())
})

test('while another process holds the database, calls wait a bounded time and are refused', async t => {
  const { recorder, stateDir, rows } = await openRecorder(t, { busyTimeoutMs: 100 })
  await recorder.begin(intent())
  using other = new DatabaseSync(databaseFile(stateDir))
  other.exec('BEGIN IMMEDIATE')
  await isRefused(recorder, /another process holds it locked/)
  other.exec('ROLLBACK')
  await recovers(recorder, 5000)
  assert.ok(rows('SELECT 1 FROM interceptions').length >= 2)
})

test('a store that does not answer at all refuses calls after a while', async t => {
  const { recorder, stateDir } = await openRecorder(t, { busyTimeoutMs: 1500, beginTimeoutMs: 50 })
  await recorder.begin(intent())
  using other = new DatabaseSync(databaseFile(stateDir))
  other.exec('BEGIN IMMEDIATE')
  await isRefused(recorder, /did not answer in time/)
  other.exec('ROLLBACK')
})

test('failing open, calls pass unrecorded, and the gap is marked when the books are back', async t => {
  const settings = { failOpen: true }
  const { recorder, stateDir, rows } = await openRecorder(t, { busyTimeoutMs: 50, settings })
  using other = new DatabaseSync(databaseFile(stateDir))
  other.exec('BEGIN IMMEDIATE')
  const calls = [intent(), intent(), intent()]
  for (const call of calls) {
    await recorder.begin(call)
    recorder.request(call.callId, request())
    recorder.response(call.callId, response())
    recorder.finish(ended(call))
  }
  assert.equal(recorder.available, false)
  other.exec('ROLLBACK')
  await recovers(recorder, 5000)
  while (!recorder.available) await delay(20)
  await recorder.flush()

  const [gap] = rows('SELECT calls, records, cause, started_at <= ended_at AS ordered FROM gaps')
  assert.ok(Number(gap?.['calls']) >= 3)
  assert.deepEqual(pick(gap, 'records', 'ordered'), [0, 1])
  assert.match(String(gap?.['cause']), /locked/)
  const late = rows("SELECT user_agent FROM interceptions WHERE status = 'completed'")
  assert.equal(late.length, 3, 'what could be kept in memory is written afterwards')
  assert.equal(late[0]?.['user_agent'], 'claude-cli/2.1')
})

test('beyond the queue records are dropped and counted, and the call says so', async t => {
  const { recorder, stateDir, rows } = await openRecorder(t, { busyTimeoutMs: 50, queueSize: 5 })
  const call = intent()
  await recorder.begin(call)
  using other = new DatabaseSync(databaseFile(stateDir))
  other.exec('BEGIN IMMEDIATE')
  for (let i = 0; i < 20; i += 1) recorder.response(call.callId, response())
  recorder.finish(ended(call))
  other.exec('ROLLBACK')
  await recovers(recorder, 5000)
  await recorder.flush()
  await recorder.flush()
  assert.equal(recorder.dropped, 15)
  const [row] = rows(`SELECT status, records_lost FROM interceptions WHERE id = '${call.callId}'`)
  assert.deepEqual({ ...row }, { status: 'completed', records_lost: 15 })
  assert.equal(rows('SELECT records FROM gaps')[0]?.['records'], 15)
})

test('one record that cannot be stored harms no other', async t => {
  const { recorder, rows } = await openRecorder(t)
  const bad = intent({ kind: 'nonsense' as 'bridged' })
  const good = intent()
  const results = await Promise.allSettled([recorder.begin(bad), recorder.begin(good)])
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'fulfilled'],
  )
  assert.equal(recorder.available, true)
  assert.equal(rows('SELECT id FROM interceptions')[0]?.['id'], good.callId)
})

const SHIM = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
static int broken(void) { return access(getenv("EIO_FLAG"), F_OK) == 0; }
int fsync(int fd) {
  if (broken()) { errno = EIO; return -1; }
  return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}
int fdatasync(int fd) {
  if (broken()) { errno = EIO; return -1; }
  return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}
`

const noCompiler = existsSync('/usr/bin/gcc') ? false : 'no C compiler to make the fault with'

test('when fsync fails nothing is called recorded, until it works again', {
  skip: noCompiler,
}, async t => {
  const directory = temporaryDirectory(t)
  const source = join(directory, 'eio.c')
  const library = join(directory, 'eio.so')
  writeFileSync(source, SHIM)
  execFileSync('gcc', ['-shared', '-fPIC', '-o', library, source, '-ldl'])
  const flag = join(directory, 'broken')
  const stateDir = join(directory, 'state')
  const child = spawn(
    process.execPath,
    [new URL('./fault-child.ts', import.meta.url).pathname, stateDir],
    { stdio: ['pipe', 'pipe', 'inherit'], env: { LD_PRELOAD: library, EIO_FLAG: flag } },
  )
  t.after(() => child.kill('SIGKILL'))
  const lines = createInterface(child.stdout)
  const ask = async (): Promise<string> => {
    child.stdin.write('begin\n')
    const [line] = await once(lines, 'line')
    return String(line)
  }
  assert.equal(await ask(), 'recorded')
  writeFileSync(flag, '')
  for (let i = 0; i < 3; i += 1) assert.match(await ask(), /^accounting_unavailable: .*disk/)
  rmSync(flag)
  const until = performance.now() + 5000
  let answer = await ask()
  while (answer !== 'recorded' && performance.now() < until) answer = await ask()
  assert.equal(answer, 'recorded')
  using database = new DatabaseSync(databaseFile(stateDir), { readOnly: true })
  assert.equal(database.prepare('PRAGMA integrity_check').get()?.['integrity_check'], 'ok')
})
