/*
 * `node test/record/kill-loop.ts [KILLS]`: the long form of the daily test, 500
 * kills unless told otherwise.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { killRounds } from './kill-rounds.ts'

const kills = Number(process.argv[2] ?? 500)
const stateDir = mkdtempSync(join(tmpdir(), 'aibp-kill-'))
const { sent, slowestStartMs } = await killRounds(stateDir, kills)
rmSync(stateDir, { recursive: true })
console.log(
  `${kills} kills: all of ${sent} calls that were sent are on record; slowest start ${slowestStartMs.toFixed(0)} ms`,
)
