/**
 * `npm run test:clients [-- NAME…]`: runs real clients through the daemon
 * against providers on loopback and prints one line for each. Exits with 1 if
 * any of them failed. Hosts of the clients' own (telemetry, updates) are
 * reached through raw tunnels if the machine has internet, and not otherwise.
 */
import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { describeError } from '../../src/kernel/error.ts'
import { AGENT_CASES } from './agents.ts'
import { BASE_URL_CASES } from './base-urls.ts'
import type { Case } from './case.ts'
import { FAILURE_CASES } from './failures.ts'
import { type Installation, installClients, installedVersion } from './install.ts'
import { runProcess } from './process.ts'
import { SDK_CASES } from './sdks.ts'
import { TOOL_CALL_CASES } from './tool-calls.ts'
import { TOOL_CASES } from './tools.ts'
import { TOTAL_CASES } from './totals.ts'
import { WAY_CASES } from './ways.ts'
import { clientPath, startWorld, type World } from './world.ts'

interface Row {
  readonly client: string
  readonly version: string
  readonly result: string
  readonly seconds: number
  readonly failure?: string
}

const wanted = process.argv.slice(2)
const cases = [
  ...AGENT_CASES,
  ...SDK_CASES,
  ...TOOL_CALL_CASES,
  ...TOOL_CASES,
  ...TOTAL_CASES,
  ...BASE_URL_CASES,
  ...FAILURE_CASES,
  ...WAY_CASES,
].filter(({ client }) => wanted.length === 0 || wanted.some(word => client.includes(word)))
const rows = await runAll(cases)
const failed = rows.filter(({ failure }) => failure !== undefined)
for (const { client, failure } of failed) console.log(`\n── ${client}\n${failure}`)
const missing = rows.filter(({ result }) => result.startsWith('unavailable'))
const good = rows.length - failed.length - missing.length
console.log(`\n${good} ok, ${failed.length} failed, ${missing.length} unavailable`)
process.exitCode = failed.length > 0 || rows.length === 1 ? 1 : 0

async function runAll(all: readonly Case[]): Promise<readonly Row[]> {
  const installation = await installClients()
  await using world = await startWorld()

  const done: Row[] = []
  for (const each of all) done.push(print(await runCase(each, world, installation)))
  done.push(print(await stopDaemon(world)))
  return done
}

async function runCase(each: Case, world: World, installation: Installation): Promise<Row> {
  const { client } = each
  const version = await versionOf(each, installation)
  if (version.text === undefined) {
    return { client, version: '–', result: `unavailable: ${version.problem}`, seconds: 0 }
  }

  const started = performance.now()
  const seconds = (): number => (performance.now() - started) / 1000
  try {
    const unchecked = await each.run({ world, installDir: installation.dir })
    const result = unchecked === undefined ? 'ok' : `ok (not checked: ${unchecked})`
    return { client, version: version.text, result, seconds: seconds() }
  } catch (error) {
    const failure = `${describeError(error)}\n${recentLog(world)}`
    return { client, version: version.text, result: 'FAILED', seconds: seconds(), failure }
  }
}

async function versionOf(
  { packageName, versionCommand }: Case,
  { dir, problem }: Installation,
): Promise<{ readonly text: string | undefined; readonly problem: string }> {
  if (packageName !== undefined) {
    const text = await installedVersion(dir, packageName)
    return { text, problem: problem ?? `${packageName} is not installed` }
  }
  const [program = 'false', ...args] = versionCommand ?? []
  const env = { PATH: clientPath(dir) }
  const { code, stdout, output } = await runProcess(program, args, {
    env,
    cwd: tmpdir(),
    timeoutMs: 10_000,
  })
  const text = code === 0 ? /\d+(?:\.\d+)+/.exec(stdout)?.[0] : undefined
  return { text, problem: output.trim().split('\n').at(-1) ?? 'no answer' }
}

/** The daemon itself is the last case: it must end well and have complained of nothing. */
async function stopDaemon({ daemon }: World): Promise<Row> {
  const started = performance.now()
  const row = { client: 'aibridgeproxyd', version: process.version }
  try {
    assert.equal(await daemon.stop(), 0, 'exit code of the daemon')
    const complaints = daemon.lines.filter(({ level }) => level === 'error' || Number(level) >= 50)
    assert.deepEqual(complaints, [], 'errors in its log')
    return { ...row, result: 'ok', seconds: (performance.now() - started) / 1000 }
  } catch (error) {
    const failure = `${describeError(error)}\n${daemon.stderr}`
    return { ...row, result: 'FAILED', seconds: (performance.now() - started) / 1000, failure }
  }
}

function recentLog({ daemon }: World): string {
  const lines = daemon.lines.slice(-10).map(line => JSON.stringify(line))
  return ['the daemon’s last lines:', ...lines].join('\n')
}

function print(row: Row): Row {
  const columns = [
    row.client.padEnd(46),
    row.version.padEnd(10),
    row.seconds.toFixed(1).padStart(5),
  ]
  console.log(`${columns.join(' ')} s  ${row.result}`)
  return row
}
