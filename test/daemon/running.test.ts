import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { announce, findRunning, type RunningDaemon } from '../../src/daemon/running.ts'

const DAEMON: RunningDaemon = {
  pid: process.pid,
  proxy: { host: '127.0.0.1', port: 1 },
  api: { host: '127.0.0.1', port: 2 },
  tls: false,
  caFile: 'ca.pem',
  bundleFile: 'bundle.pem',
  keyedTypes: [],
}

test('a daemon that drains does not take away what its successor has announced', async t => {
  const stateDir = await mkdtemp(join(tmpdir(), 'aibridge-running-'))
  t.after(() => rm(stateDir, { recursive: true }))
  const old = await announce(stateDir, DAEMON)
  const successor = { ...DAEMON, pid: process.ppid }
  const next = await announce(stateDir, successor)

  old[Symbol.dispose]()
  assert.deepEqual(await findRunning(stateDir), successor)

  next[Symbol.dispose]()
  assert.equal(await findRunning(stateDir), undefined)
})
