import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { type Authority, loadAuthority } from '../../src/ca/authority.ts'
import type { NewAuthority } from '../../src/ca/create-authority.ts'
import { replaceAuthority } from '../../src/ca/ensure-authority.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import { ConfigurationError } from '../../src/kernel/error.ts'

export const HOSTS = ['api.openai.com', 'api.anthropic.com']
export const DAY = 86_400_000
export const WEEK = 7 * DAY

const run = promisify(execFile)

/** A directory of one test's own, mode 0700. */
export async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'aibridgeproxyd-ca-'))
  t.after(async () => await rm(directory, { recursive: true, force: true }))
  return directory
}

/** A CA made by us and loaded again. */
export async function makeAuthority(
  directory: string,
  options: Partial<NewAuthority> = {},
): Promise<Authority> {
  const now = options.now ?? Date.now()
  const hosts = options.hosts ?? HOSTS
  const files = await replaceAuthority(directory, {
    hosts,
    keyType: 'ec',
    lifetimeDays: 365,
    now,
    ...options,
  })
  return await loadAuthority(files, { hosts, now })
}

/** Runs openssl in `directory`; the result is stdout. Rejects when it fails. */
export async function openssl(directory: string, ...args: string[]): Promise<string> {
  const { stdout } = await run('openssl', args, { cwd: directory })
  return stdout
}

/** The problems that a promise is refused with. */
export async function problemsOf(promise: Promise<unknown>): Promise<readonly string[]> {
  try {
    await promise
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems
    throw error
  }
  return []
}

export function fakeClock(start = Date.now()): Clock & { advance(milliseconds: number): void } {
  let now = start
  return {
    now: () => now,
    monotonic: () => now,
    advance(milliseconds) {
      now += milliseconds
    },
  }
}
