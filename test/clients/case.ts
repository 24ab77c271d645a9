import assert from 'node:assert/strict'
import { headerValues } from '../../src/kernel/headers.ts'
import { ANSWER_TEXT } from '../support/dialects/answer.ts'
import type { Provider } from '../support/provider.ts'
import type { Exchange } from '../support/provider-exchange.ts'
import type { Environment } from './environment.ts'
import { type ProcessResult, runProcess } from './process.ts'
import { clientPath, freshHome, type World } from './world.ts'

/** One client, run once for real. */
export interface Case {
  readonly client: string
  /** The npm package that it comes from; absent for programs of the machine. */
  readonly packageName?: string
  /** For programs of the machine: prints the version, and shows that it is there. */
  readonly versionCommand?: readonly [program: string, ...args: string[]]
  /** Throws when the client or the daemon did wrong; returns what could not be checked. */
  run(context: CaseContext): Promise<string | undefined>
}

export interface CaseContext {
  readonly world: World
  readonly installDir: string
}

export interface Invocation {
  readonly command: readonly [program: string, ...args: string[]]
  readonly env: Environment
  /** Names the run's directories, and the folder of `settings` that becomes its home. */
  readonly name: string
}

const RUN_TIMEOUT_MS = 60_000

/** Runs a client in a home of its own; fails unless it exits with 0. */
export async function invoke(
  context: CaseContext,
  invocation: Invocation,
): Promise<ProcessResult & { readonly work: string }> {
  const { home, work } = await freshHome(context.world, invocation.name)
  const [program, ...args] = invocation.command
  const result = await runProcess(program, args, {
    cwd: work,
    timeoutMs: RUN_TIMEOUT_MS,
    env: {
      PATH: clientPath(context.installDir),
      HOME: home,
      TERM: 'dumb',
      ...invocation.env,
    },
  })

  const tail = result.output.trim().split('\n').slice(-15).join('\n')
  assert.ok(!result.timedOut, `still running after ${RUN_TIMEOUT_MS / 1000} s:\n${tail}`)
  assert.equal(result.code, 0, `exit ${result.code}:\n${tail}`)
  return { ...result, work }
}

export function assertAnswered(output: string): void {
  assert.ok(output.includes(ANSWER_TEXT), `the answer is not in the output:\n${output.slice(-800)}`)
}

/** The calls to `path` since `start`, at least one, each answered to its end. */
export async function modelCalls(
  provider: Provider,
  start: number,
  path: string,
): Promise<readonly Exchange[]> {
  const calls = provider.exchanges.slice(start).filter(call => call.path.split('?')[0] === path)
  assert.ok(calls.length > 0, `the provider saw no call to ${path}`)
  await Promise.all(calls.map(call => provider.ended(call)))
  return calls
}

/** Neither the caller's token nor its Basic form may be in any header that a provider saw. */
export function assertNoTokenLeft(world: World): void {
  const basic = Buffer.from(`clients:${world.token}`).toString('base64')
  for (const [name, provider] of Object.entries(world.providers)) {
    for (const secret of [world.token, basic]) {
      assert.ok(!provider.sawInHeaders(secret), `the ${name} provider saw the caller's token`)
    }
    assert.ok(!provider.sawInHeaders('roxy-'), `the ${name} provider saw a proxy header`)
  }
}

/** Every one of the calls carried `key` in the header where the provider looks. */
export function assertKey(calls: readonly Exchange[], header: string, key: string): void {
  for (const { rawHeaders } of calls) {
    assert.deepEqual(headerValues(rawHeaders, header), [key], `${header} at the provider`)
  }
}

/**
 * The daemon's own line for the call agrees with the provider on what passed.
 * An agent does not tell what it sent; these are the two ends that do. Frames
 * of a WebSocket are masked and framed, so their count is only a lower bound.
 */
export async function assertBooked(world: World, call: Exchange): Promise<void> {
  const path = call.path.split('?')[0]
  const exact = (booked: unknown, bytes: number): boolean =>
    call.webSocket ? Number(booked) >= bytes : booked === bytes

  const found = world.daemon.waitForLine(
    line =>
      line['path'] === path &&
      line['outcome'] === 'completed' &&
      exact(line['bytes_up'], call.request.bytes) &&
      exact(line['bytes_down'], call.response.bytes),
  )
  const what = `${path}: ${call.request.bytes} bytes up, ${call.response.bytes} down`
  await found.catch(() => assert.fail(`no log line of a completed call with ${what}`))
}
