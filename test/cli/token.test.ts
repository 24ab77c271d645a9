import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { runToken } from '../../src/cli/token.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import { databaseFile } from '../../src/record/database.ts'
import { captured } from '../support/command-line.ts'
import type { CommandResult } from '../support/daemon-process.ts'

const NOW = Date.UTC(2026, 10, 21)

function cli(t: TestContext, clock: Clock = { now: () => NOW, monotonic: () => 0 }) {
  const stateDir = mkdtempSync(join(tmpdir(), 'aibp-'))
  t.after(() => rmSync(stateDir, { recursive: true, force: true }))
  const run = async (...args: string[]) =>
    await captured(io => runToken(args, io, { stateDir, clock }))
  return { run, stateDir }
}

test('create prints the token alone on stdout and what it is on stderr', async t => {
  const { run } = cli(t)
  const { code, stdout, stderr } = await run('create', '--user', 'ada', '--expires', '30d')
  assert.equal(code, 0)
  assert.match(stdout, /^aibp_[A-Za-z0-9_-]{43}\n$/)
  assert.match(stderr, /^token [0-9a-f]{12} of ada, expires 2026-12-21T00:00:00\.000Z; /)
  assert.equal(stderr.includes(stdout.trim()), false)
})

test('list shows every token with its state, and no secret', async t => {
  let now = NOW
  const { run } = cli(t, { now: () => now, monotonic: () => 0 })
  const secrets = [
    await run('create', '--user', 'ada', '--name', 'laptop', '--admin'),
    await run('create', '--user', 'bob@example.com', '--expires', '1h'),
    await run('create', '--user', 'eve'),
  ].map(answer => answer.stdout.trim())
  const ids = (await listed(run)).map(token => token['id'])
  assert.equal((await run('revoke', String(ids[2]))).code, 0)
  now += 3_600_000

  assert.deepEqual(await listed(run), [
    {
      id: ids[0],
      user: 'ada',
      name: 'laptop',
      admin: true,
      hint: secrets[0]!.slice(-4),
      status: 'active',
      created_at: '2026-11-21T00:00:00.000Z',
      expires_at: null,
      revoked_at: null,
    },
    {
      id: ids[1],
      user: 'bob@example.com',
      name: '',
      admin: false,
      hint: secrets[1]!.slice(-4),
      status: 'expired',
      created_at: '2026-11-21T00:00:00.000Z',
      expires_at: '2026-11-21T01:00:00.000Z',
      revoked_at: null,
    },
    {
      id: ids[2],
      user: 'eve',
      name: '',
      admin: false,
      hint: secrets[2]!.slice(-4),
      status: 'revoked',
      created_at: '2026-11-21T00:00:00.000Z',
      expires_at: null,
      revoked_at: '2026-11-21T00:00:00.000Z',
    },
  ])
  const table = (await run('list')).stdout
  assert.deepEqual(
    table
      .trimEnd()
      .split('\n')
      .map(line => line.split(/ {2,}/)),
    [
      ['ID', 'USER', 'NAME', 'ADMIN', 'ENDS IN', 'CREATED', 'EXPIRES', 'STATUS'],
      [ids[0], 'ada', 'laptop', 'yes', secrets[0]!.slice(-4), '2026-11-21', 'never', 'active'],
      [
        ids[1],
        'bob@example.com',
        '-',
        'no',
        secrets[1]!.slice(-4),
        '2026-11-21',
        '2026-11-21',
        'expired',
      ],
      [ids[2], 'eve', '-', 'no', secrets[2]!.slice(-4), '2026-11-21', 'never', 'revoked'],
    ],
  )
  for (const secret of secrets) assert.equal(table.includes(secret.slice(0, -4)), false)
})

test('revoking an unknown token fails with 1', async t => {
  const { run } = cli(t)
  await run('create', '--user', 'ada')
  const answer = await run('revoke', 'abc')
  assert.deepEqual(answer, {
    code: 1,
    stdout: '',
    stderr: 'no token has the id abc: see token list\n',
  })
})

test('a token in place of its id is not shown', async t => {
  const { run } = cli(t)
  const token = (await run('create', '--user', 'ada')).stdout.trim()
  const answer = await run('revoke', token)
  assert.equal(answer.code, 1)
  assert.equal(answer.stderr, 'no token has the id [secret]: see token list\n')
})

for (const [args, problem] of [
  [[], /token needs a command\nUsage:/],
  [['mint'], /unknown command: token mint\nUsage:/],
  [['constructor'], /unknown command/],
  [['create'], /--user is missing/],
  [['create', '--user', ''], /--user must be 1 to 64/],
  [['create', '--user', 'a\nb'], /--user must be/],
  [['create', '--user', 'аda'], /--user must be/],
  [['create', '--user', 'ada', '--name', 'a\u2028b'], /--name must be/],
  [['create', '--user', 'ada', '--expires', '30'], /--expires: /],
  [['create', '--user', 'ada', '--expires', '0d'], /--expires: /],
  [['create', '--user', 'ada', '--expires', '999999999d'], /--expires: /],
  [['create', '--user', 'ada', 'extra'], /unexpected argument: extra/],
  [['create', '--user', 'a b', '--expires', 'x'], /--user must be.*\n.*--expires: /],
  [['create', '--owner', 'ada'], /Unknown option '--owner'/],
  [['list', 'all'], /unexpected argument: all/],
  [['revoke'], /takes one token id/],
  [['revoke', 'a', 'b'], /takes one token id/],
] as const) {
  test(`token ${JSON.stringify(args)} is a usage error that creates nothing`, async t => {
    const { run, stateDir } = cli(t)
    const answer = await run(...args)
    assert.equal(answer.code, 2)
    assert.equal(answer.stdout, '')
    assert.match(answer.stderr, problem)
    assert.deepEqual(readdirSync(stateDir), [])
  })
}

test('a database that cannot be used exits with 2 and names the file', async t => {
  const { run, stateDir } = cli(t)
  writeFileSync(databaseFile(stateDir), 'x'.repeat(5000))
  const answer = await run('list')
  assert.equal(answer.code, 2)
  assert.match(answer.stderr, /aibridgeproxyd\.db: it is not a database/)
})

async function listed(
  run: (...args: string[]) => Promise<CommandResult>,
): Promise<Record<string, unknown>[]> {
  return JSON.parse((await run('list', '--json')).stdout)
}
