/**
 * `npm run test:namespace`: the SSRF corpus through a daemon that runs in a
 * network namespace of its own, with canaries on all addresses. Needs `unshare`
 * and `ip`; where namespaces are not permitted it says so and tests nothing.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const INTO = ['--map-root-user', '--net', '--mount']
const LIMIT_MS = 240_000

const trial = spawnSync('unshare', [...INTO, 'ip', 'link', 'set', 'lo', 'up'], { encoding: 'utf8' })
if (trial.status === 0) {
  const { status, signal } = spawnSync(
    'unshare',
    [...INTO, '--kill-child', process.execPath, join(import.meta.dirname, 'inside.ts')],
    { stdio: 'inherit', timeout: LIMIT_MS },
  )
  if (signal !== null) console.log(`ended by ${signal} after ${LIMIT_MS / 1000} s at most`)
  process.exitCode = status ?? 1
} else {
  const why = trial.error?.message ?? trial.stderr.trim()
  console.log(`SKIPPED: no network namespace to be had here (${why}). NOTHING WAS TESTED.`)
}
