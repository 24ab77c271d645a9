import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runInProcess } from '../support/command-line.ts'

const STATE = { CODER_AIBRIDGE_PROXY_STATE_DIR: '/nonexistent/state' }

describe('a command line with a mistake', () => {
  for (const [args, expected] of [
    [['serve', 'there'], 'unexpected argument: there: see --help'],
    [['env', 'fish'], 'unexpected argument: fish: see --help'],
    [['check', 'foo'], 'unexpected argument: foo: see --help'],
    [['doctor', 'now'], 'unexpected argument: now: see --help'],
    [['doctor', '--quick'], '--quick: unknown flag: see --help'],
    [['docs', '--chekc'], 'unexpected argument: --chekc'],
    [
      ['run', '--log', '/nonexistent/log', '--', 'true'],
      '--log: ENOENT: no such file or directory',
    ],
    [['run'], 'run needs a command'],
    [['check', '--user', 'ada'], '--user goes with --explain HOST:PORT'],
    [['token', 'list'], 'there are no records in /nonexistent/state/aibridgeproxyd.db'],
    [['token', 'revoke', 'x'], 'there are no records in /nonexistent/state'],
    [['token', 'mint'], 'unknown command: token mint'],
    [['audit', 'log'], 'unknown command: audit log'],
    [['audit', 'verify'], 'audit verify needs a file'],
    [['usage', 'all'], 'unexpected argument: all'],
    [['ca', 'init', 'here'], "Unexpected argument 'here'"],
  ] as const) {
    it(`says what it is, and exits with 2: ${args.join(' ')}`, async () => {
      const { code, stdout, stderr } = await runInProcess(args, STATE)
      assert.deepEqual([code, stdout], [2, ''])
      assert.ok(stderr.startsWith(`aibridgeproxyd: ${expected}`), stderr)
    })
  }
})
