import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../../src/kernel/clock.ts'
import { purge, startMaintenance } from '../../src/record/maintenance.ts'
import { SqliteBooks } from '../../src/record/sqlite-books.ts'
import {
  connectEnded,
  ended,
  intent,
  openRecorder,
  request,
  response,
  SETTINGS,
} from './books-support.ts'
import { HOUR, temporaryDirectory } from './support.ts'

test('a daemon that dies leaves interrupted calls, and the open calls of a living one stay open', async t => {
  const stateDir = temporaryDirectory(t)
  const living = await openRecorder(t, { stateDir })
  const open = intent({ user: 'living' })
  await living.recorder.begin(open)

  const child = spawn(
    process.execPath,
    [new URL('./fault-child.ts', import.meta.url).pathname, stateDir],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  t.after(() => child.kill('SIGKILL'))
  child.stdin.write('begin\n')
  await once(createInterface(child.stdout), 'line')
  const store = new SqliteBooks({ stateDir })
  t.after(() => store[Symbol.asyncDispose]())
  assert.equal(await store.closeDead(), 0, 'both are alive')

  child.kill('SIGKILL')
  await once(child, 'close')
  assert.equal(await store.closeDead(), 1)
  const states = living.rows('SELECT user, status FROM interceptions ORDER BY seq')
  assert.deepEqual(
    states.map(row => Object.values(row)),
    [
      ['living', 'in_progress'],
      ['ada', 'interrupted'],
    ],
  )
  living.recorder.response(open.callId, response())
  living.recorder.finish(ended(open))
  await living.recorder.flush()
  const [row] = living.rows("SELECT status FROM interceptions WHERE user = 'living'")
  assert.equal(row?.['status'], 'completed')
})

test('locks of processes are private and go with them', async t => {
  const { recorder, stateDir, rows } = await openRecorder(t)
  await recorder.begin(intent())
  const directory = join(stateDir, 'instances')
  const [lock = ''] = readdirSync(directory)
  assert.equal(statSync(directory).mode & 0o777, 0o700)
  assert.equal(statSync(join(directory, lock)).mode & 0o777, 0o600)
  await recorder[Symbol.asyncDispose]()
  assert.deepEqual(readdirSync(directory), [])
  assert.deepEqual(rows('SELECT id FROM instances'), [])
  assert.equal(rows('SELECT status FROM interceptions')[0]?.['status'], 'interrupted')
})

test('two daemons on one state directory lose nothing and count nothing twice', async t => {
  const stateDir = temporaryDirectory(t)
  const daemons = [await openRecorder(t, { stateDir }), await openRecorder(t, { stateDir })]
  const each = async ({ recorder }: (typeof daemons)[number], index: number): Promise<void> => {
    const call = intent({ user: `user-${index % 3}` })
    await recorder.begin(call)
    recorder.request(call.callId, request())
    // Every third call is given up with what was seen so far.
    const isAborted = index % 3 === 0
    const facts = response({ usageNote: isAborted ? 'partial' : null })
    recorder.response(call.callId, facts)
    recorder.finish(ended(call, isAborted ? { outcome: 'aborted' } : {}))
  }
  await Promise.all(
    daemons.flatMap(daemon => Array.from({ length: 100 }, (_, index) => each(daemon, index))),
  )
  for (const { recorder } of daemons) await recorder.flush()

  const [sums] = daemons[0]!.rows(
    'SELECT count(*) AS n, sum(input) AS input, sum(output) AS output FROM token_usages',
  )
  assert.deepEqual({ ...sums }, { n: 200, input: 2000, output: 4000 })
  const byStatus = daemons[0]!.rows(
    'SELECT status, count(*) AS n FROM interceptions GROUP BY status ORDER BY status',
  )
  assert.deepEqual(
    byStatus.map(row => Object.values(row)),
    [
      ['aborted', 68],
      ['completed', 132],
    ],
  )
  const usage = await daemons[1]!.recorder.ask('usage', { filter: {}, by: 'user' })
  assert.equal(
    usage.reduce((sum, row) => sum + row.input, 0),
    2000,
  )
})

test('retention deletes what began too long ago, with all that belongs to it', async t => {
  const { recorder, stateDir, rows } = await openRecorder(t)
  const tool = { callId: 'toolu_1', name: 'Bash', input: '{}', serverUrl: null }
  const now = Date.now()
  for (let index = 0; index < 2500; index += 1) {
    const call = intent({ at: now - (index < 2300 ? 3 * HOUR : HOUR) })
    void recorder.begin(call)
    recorder.request(call.callId, request())
    recorder.response(call.callId, response({ tools: [tool] }))
    recorder.finish(ended(call))
    recorder.connect(connectEnded({ at: call.at }))
  }
  await recorder.flush()
  const store = new SqliteBooks({ stateDir })
  t.after(() => store[Symbol.asyncDispose]())
  const rules = (retentionMs: number, retentionBytes = 0) => ({
    store,
    clock: systemClock,
    settings: () => ({ ...SETTINGS, retentionMs, retentionBytes }),
  })
  assert.equal(await purge(rules(0)), 0, '0 keeps everything')
  assert.equal(await purge(rules(2 * HOUR)), 4600)
  for (const table of [
    'interceptions',
    'user_prompts',
    'tool_usages',
    'token_usages',
    'connects',
  ]) {
    assert.equal(rows(`SELECT count(*) AS n FROM ${table}`)[0]?.['n'], 200, table)
  }
  const pages = (): number => Number(rows('PRAGMA page_count')[0]?.['page_count'])
  const before = pages()
  assert.ok((await purge(rules(0, 40 * 4096))) > 0, 'and by size, too')
  assert.ok(pages() < before, 'what is freed goes back to the disk')
})

test('upkeep deletes what is too old as soon as it starts', async t => {
  const { recorder, stateDir } = await openRecorder(t)
  const call = intent({ at: Date.now() - 2 * HOUR })
  await recorder.begin(call)
  recorder.finish(ended(call))
  await recorder.flush()
  const store = new SqliteBooks({ stateDir })
  t.after(() => store[Symbol.asyncDispose]())
  const problems: string[] = []
  using _upkeep = startMaintenance({
    store,
    clock: systemClock,
    settings: () => ({ retentionMs: HOUR, retentionBytes: 0 }),
    onProblem: problem => problems.push(problem),
  })
  while ((await recorder.ask('countCalls', {})) > 0) await delay(10)
  assert.deepEqual(problems, [])
})
