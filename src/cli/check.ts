import { existsSync } from 'node:fs'
import { loadAuthority } from '../ca/authority.ts'
import { authorityFiles } from '../ca/ensure-authority.ts'
import { describeValues } from '../config/output/describe.ts'
import type { Settings } from '../config/settings.ts'
import { readTls } from '../daemon/listeners.ts'
import { systemClock } from '../kernel/clock.ts'
import { ConfigurationError } from '../kernel/error.ts'
import { type CliContext, type Configured, configure, flagValue } from './context.ts'
import { explain, type Question } from './explain.ts'

export const CHECK_USAGE = `Usage:
  aibridgeproxyd check [--OPTION VALUE …]
  aibridgeproxyd check --explain HOST:PORT [--user NAME [--group NAME …]]
                             [--method M --path P] [--model NAME]

Validates the configuration and prints every value with where it came from.
With --explain, says instead what would happen to a CONNECT to that target, of
that user (whose own token names those groups), and which rule of the policy
file decides; with a method and a path what would happen to that request, with
a model whether it may be used.
Exits with 2 when the configuration would not start.`

/** What a question may say beside its target. */
const DETAILS = ['user', 'group', 'method', 'path', 'model'] as const

/** `check`: exit code 0; a bad configuration is thrown by `configure`. */
export async function runCheck(context: CliContext): Promise<number> {
  const configured = configure(context, {
    own: {
      explain: 'value',
      ...Object.fromEntries(DETAILS.map(name => [name, 'value' as const])),
    },
  })
  const target = flagValue(configured, 'explain')
  if (target === undefined) refuseDetails(configured)
  await checkFiles(configured.loaded.settings)
  const text =
    target === undefined
      ? describeValues(configured.loaded)
      : `${explain(question(target, configured), configured.loaded.settings)}\n`
  context.stdout.write(text)
  if (target === undefined) return 0
  // The list of values has them already.
  for (const warning of configured.loaded.warnings) context.stderr.write(`warning: ${warning}\n`)
  return 0
}

function refuseDetails(configured: Configured): void {
  const given = DETAILS.filter(name => flagValue(configured, name) !== undefined)
  if (given.length === 0) return
  throw new ConfigurationError(given.map(name => `--${name} goes with --explain HOST:PORT`))
}

function question(target: string, configured: Configured): Question {
  const method = flagValue(configured, 'method')
  const path = flagValue(configured, 'path')
  return {
    target,
    user: flagValue(configured, 'user'),
    groups: configured.flags['group'] ?? [],
    request:
      path === undefined && method === undefined
        ? undefined
        : { method: method ?? 'POST', path: path ?? '/' },
    model: flagValue(configured, 'model'),
  }
}

/** What the start would refuse beyond the options themselves; nothing is made. */
async function checkFiles({ proxy, stateDir }: Settings): Promise<void> {
  if (proxy.tls !== undefined) readTls(proxy.tls)
  const files = proxy.ca ?? authorityFiles(stateDir)
  const isThere = existsSync(files.keyFile) || existsSync(files.certFile)
  if (proxy.ca === undefined && !isThere) return
  await loadAuthority(files, { hosts: proxy.interceptedHosts, now: systemClock.now() })
}
