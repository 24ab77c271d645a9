import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { databaseFile } from '../../src/record/database.ts'
import { openRecorder } from './books-support.ts'
import { killRounds } from './kill-rounds.ts'
import { temporaryDirectory } from './support.ts'

test('whatever was sent before a kill -9 is on record, and open calls become interrupted', async t => {
  const stateDir = temporaryDirectory(t)
  const { sent, slowestStartMs } = await killRounds(stateDir, 3)
  t.diagnostic(`${sent} calls, slowest start ${slowestStartMs.toFixed(0)} ms`)

  const { rows } = await openRecorder(t, { stateDir })
  const open = rows("SELECT count(*) AS n FROM interceptions WHERE status = 'in_progress'")
  assert.equal(open[0]?.['n'], 0)
  const [interrupted] = rows(
    `SELECT count(*) AS n, sum(usage_complete IS NULL) AS unknown, count(ended_at) AS ended
     FROM interceptions WHERE status = 'interrupted'`,
  )
  assert.ok(Number(interrupted?.['n']) > 0)
  assert.equal(interrupted?.['unknown'], 0)
  assert.equal(interrupted?.['ended'], 0)

  using database = new DatabaseSync(databaseFile(stateDir))
  const doubled = database
    .prepare('SELECT interception FROM token_usages GROUP BY interception HAVING count(*) > 1')
    .all()
  assert.deepEqual(doubled, [], 'nothing is counted twice')
})
