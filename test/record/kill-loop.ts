/*
 * `node test/record/kill-loop.ts [KILLS]`: the long form of the daily test, 500
 * kills unless told otherwise; `npm run test:ledger` has 20. Also exits with 1 when a start took too long,
 * which a busy machine must not make of the daily test.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { killRounds } from './kill-rounds.ts'

/** Checking the whole file takes longer the more is in it. */
const KILLS_PER_FILE = 50
const RESTART_MS = 2000

const kills = Number(process.argv[2] ?? 500)
let done = 0
let sent = 0
let slowestStartMs = 0
while (done < kills) {
  const stateDir = mkdtempSync(join(tmpdir(), 'aibp-kill-'))
  const report = await killRounds(stateDir, Math.min(KILLS_PER_FILE, kills - done))
  rmSync(stateDir, { recursive: true })
  done += report.kills
  sent += report.sent
  slowestStartMs = Math.max(slowestStartMs, report.slowestStartMs)
  console.log(
    `${done} kills: all of ${sent} calls that were sent are on record; slowest start ${slowestStartMs.toFixed(0)} ms`,
  )
}
process.exitCode = slowestStartMs > RESTART_MS ? 1 : 0
