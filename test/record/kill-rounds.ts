import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { databaseFile } from '../../src/record/database.ts'

/** What the books owe a call that ended this long before the kill. */
const PROMISED_MS = 1000

export interface KillReport {
  readonly kills: number
  readonly sent: number
  readonly slowestStartMs: number
}

/**
 * Kills a process that keeps books, at random moments, again and again on the
 * same files, and checks each time that whatever was sent is on record.
 */
export async function killRounds(stateDir: string, kills: number): Promise<KillReport> {
  let slowestStartMs = 0
  let sent = 0
  for (let round = 0; round < kills; round += 1) {
    // Now and then long enough for calls to be older than what is promised.
    const life = round % 5 === 0 ? PROMISED_MS + Math.random() * 500 : Math.random() * 250
    const seen = await runAndKill(stateDir, life)
    slowestStartMs = Math.max(slowestStartMs, seen.startMs)
    sent += seen.sent.length
    check(stateDir, seen)
  }
  assert.ok(sent > kills, 'the processes were under load')
  return { kills, sent, slowestStartMs }
}

interface Seen {
  readonly sent: string[]
  /** Calls that ended, and when. */
  readonly ended: Map<string, number>
  readonly startMs: number
  readonly killedAt: number
}

async function runAndKill(stateDir: string, lifeMs: number): Promise<Seen> {
  const file = join(stateDir, 'seen')
  rmSync(file, { force: true })
  const child = spawn(
    process.execPath,
    [new URL('./kill-child.ts', import.meta.url).pathname, stateDir, file],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const closed = once(child, 'close')
  // It says how long the books took to open after the last kill.
  const [text] = await once(child.stdout, 'data')
  const startMs = Number(text)
  await delay(lifeMs)
  const killedAt = Date.now()
  assert.ok(child.kill('SIGKILL'), 'the process lives until it is killed')
  await closed

  const sent: string[] = []
  const over = new Map<string, number>()
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [word, id = '', at] = line.split(' ')
    if (word === 'sent') sent.push(id)
    if (word === 'ended') over.set(id, Number(at))
  }
  return { sent, ended: over, startMs, killedAt }
}

function check(stateDir: string, { sent, ended, killedAt }: Seen): void {
  using database = new DatabaseSync(databaseFile(stateDir))
  assert.equal(database.prepare('PRAGMA integrity_check').get()?.['integrity_check'], 'ok')
  const status = database.prepare('SELECT status, usage_complete FROM interceptions WHERE id = ?')
  for (const id of sent) {
    const row = status.get(id)
    assert.ok(row, `${id} was sent and is not on record`)
    const endedAt = ended.get(id)
    if (endedAt === undefined || endedAt > killedAt - PROMISED_MS) continue
    assert.deepEqual({ ...row }, { status: 'completed', usage_complete: 1 }, `${id} ended in time`)
  }
}
