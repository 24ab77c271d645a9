import { existsSync } from 'node:fs'
import { loadAuthority } from '../ca/authority.ts'
import { authorityFiles } from '../ca/ensure-authority.ts'
import { accessUrlText } from '../config/deployment.ts'
import { describeValues } from '../config/output/describe.ts'
import type { Settings } from '../config/settings.ts'
import { readTls } from '../daemon/listeners.ts'
import { judge } from '../egress/guard.ts'
import { createOwn } from '../egress/own.ts'
import { systemClock } from '../kernel/clock.ts'
import { ConfigurationError } from '../kernel/error.ts'
import { REASONS, type Reason } from '../kernel/reasons.ts'
import { parseAuthority, type Target } from '../kernel/target.ts'
import { buildPolicy, decide } from '../proxy/policy.ts'
import { type CliContext, configure, flagValue } from './context.ts'

export const CHECK_USAGE = `Usage: aibridgeproxyd check [--explain HOST:PORT [--user NAME]] [--OPTION VALUE …]

Validates the configuration and prints every value with where it came from.
With --explain, says what would happen to a CONNECT to that target instead; the
rules are the same for every user.
Exits with 2 when the configuration would not start.`

/** `check`: exit code 0; a bad configuration is thrown by `configure`. */
export async function runCheck(context: CliContext): Promise<number> {
  const configured = configure(context, { own: { explain: 'value', user: 'value' } })
  const [operand] = configured.rest
  if (operand !== undefined) {
    throw new ConfigurationError([`check: unexpected ${operand}: see check --help`])
  }
  await checkFiles(configured.loaded.settings)
  const target = flagValue(configured, 'explain')
  const text =
    target === undefined
      ? describeValues(configured.loaded)
      : `${explain(target, configured.loaded.settings)}\n`
  context.stdout.write(text)
  for (const warning of configured.loaded.warnings) context.stderr.write(`warning: ${warning}\n`)
  return 0
}

/** What the start would refuse beyond the options themselves; nothing is made. */
async function checkFiles({ proxy, stateDir }: Settings): Promise<void> {
  if (proxy.tls !== undefined) readTls(proxy.tls)
  const files = proxy.ca ?? authorityFiles(stateDir)
  if (proxy.ca === undefined && !existsSync(files.keyFile)) return
  await loadAuthority(files, { hosts: proxy.interceptedHosts, now: systemClock.now() })
}

/**
 * What would happen to a CONNECT, by the rules that the daemon uses. Nothing is
 * looked up: the addresses of a name are judged when a client asks for it.
 */
function explain(text: string, settings: Settings): string {
  const parsed = parseAuthority(text)
  if (!parsed.ok) return `${text}: ${refusal(parsed.reason)}`
  const { target } = parsed
  const policy = buildPolicy({ ...settings.proxy, providers: settings.bridge.providers })
  const verdict = decide(target, policy)
  if (verdict.kind === 'refuse') return `${target.text}: ${refusal(verdict.reason)}`
  const caller =
    settings.proxy.auth === 'off' ? 'every caller' : 'callers with a token (others: 407)'
  if (verdict.kind === 'intercept') {
    const { remote } = settings.bridge
    const where = remote === undefined ? '' : `; its calls go to ${accessUrlText(remote)}`
    return `${target.text}: intercepted for provider ${verdict.provider}, for ${caller}; ${verdict.host} is one of its hosts${where}`
  }
  return `${target.text}: ${tunnel(target, settings)}, for ${caller}`
}

function tunnel(target: Target, { proxy, api }: Settings): string {
  if (target.host.kind === 'name') {
    if (proxy.upstream !== undefined && proxy.upstreamResolves) {
      return 'tunnelled: no provider has this host; the upstream proxy resolves it'
    }
    return 'tunnelled if every address of the name is allowed: no provider has this host'
  }
  const listeners = [proxy.listen, proxy.tlsListen, api.listen, api.prometheus.listen]
  const own = createOwn(() => listeners.filter(listen => listen !== undefined))
  const judgement = judge([target.host.address], { ...proxy, own }, target.port)
  if (!judgement.ok) return refusal(judgement.refused)
  return judgement.reason === 'tunnel'
    ? 'tunnelled: a public address'
    : 'tunnelled: a private address inside CODER_AIBRIDGE_PROXY_ALLOWED_PRIVATE_CIDRS'
}

function refusal(reason: Reason): string {
  const { status, doc } = REASONS[reason]
  return `refused, ${status} ${reason}: ${doc}`
}
