#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { runtimeProblem } from './cli/version.ts'

// getaddrinfo, file and crypto work share libuv's threads, and lookups may take
// half of them: with the default of four, two names that hang would stop all
// others. Read when the first thread is needed.
process.env['UV_THREADPOOL_SIZE'] ??= '64'

// `… | head` closes the pipe; that is no fault of ours to report.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

// SECURITY: Node would open a debugger port, through which every user of the
// machine can read every key. --disable-sigusr1 is not there where nobody gave it.
process.on('SIGUSR1', () => undefined)

const problem = runtimeProblem(process.version)
if (problem === undefined) {
  // A checkout is compiled once and not at each start: a third of the time. The
  // cache is the checkout's own; the common one in /tmp is anybody's to write.
  if (import.meta.filename.endsWith('.ts')) {
    enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/compiled'))
  }
  // Later, so that an old runtime gets the message and not a syntax error.
  const { runCli } = await import('./cli/cli.ts')
  const { takeEnvironment } = await import('./cli/runtime-environment.ts')
  process.exitCode = await runCli({
    args: process.argv.slice(2),
    env: takeEnvironment(process.env),
    home: homedir(),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
  })
} else {
  process.stderr.write(`aibridgeproxyd: ${problem}\n`)
  process.exitCode = 2
}
