import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { authorityFiles } from '../../ca/ensure-authority.ts'
import { accessUrlText } from '../../config/deployment.ts'
import type { Loaded } from '../../config/load.ts'
import { NO_POLICY } from '../../config/policy-file/read-policy.ts'
import type { Settings } from '../../config/settings.ts'
import { findRunning } from '../../daemon/running.ts'
import { systemClock } from '../../kernel/clock.ts'
import { ConfigurationError } from '../../kernel/error.ts'
import type { ProviderSettings } from '../../kernel/provider.ts'
import { type CliContext, type Configured, configure, readWords } from '../context.ts'
import { privateSettings } from '../private-settings.ts'
import { type AuthorityFacts, gatherAuthority, judgeAuthority } from './authority.ts'
import { judgeClient } from './clients/judge-client.ts'
import { probeClients } from './clients/probe-clients.ts'
import { PROBES } from './clients/probes.ts'
import { gatherDatabase, judgeDatabase } from './database.ts'
import { gatherCaller, judgeCaller } from './deployment.ts'
import { type Finding, formatFinding } from './finding.ts'
import { judgeClock, judgeOrigin, judgeUpstream } from './judge-origins.ts'
import { gatherListeners, judgeListener } from './listeners.ts'
import { gatherNames, judgeNames } from './names.ts'
import { gatherOrigins } from './origins.ts'
import { openProbeSnapshot } from './probe-snapshot.ts'
import { gatherRunning, judgeRunning } from './running.ts'
import { judgeShell } from './shell.ts'
import { gatherState, judgeState } from './state-directory.ts'

export const DOCTOR_USAGE = `Usage: aibridgeproxyd doctor [--skip-clients] [--OPTION VALUE …]

Looks at the configuration, state directory, CA, ports, DNS, upstream proxy, clock,
providers and the daemon that runs, and sends a request with each client that this machine has (node,
python, curl, git, bun, deno, go) through a private daemon with your CA. Says
what fails and what mends it. Nothing is changed, and no key is sent.
Exits with 1 when something fails.`

const GRAMMAR = { own: { 'skip-clients': 'switch' } } as const

/** `doctor`: exit code 0, or 1 when anything failed. */
export async function runDoctor(context: CliContext): Promise<number> {
  let failed = false
  const report = (findings: readonly Finding[]): void => {
    for (const finding of findings) {
      failed ||= finding.state === 'failed'
      context.stdout.write(formatFinding(finding))
    }
  }
  readWords(context, GRAMMAR)
  const configured = readConfiguration(context, report)
  if (configured === undefined) return 1
  await examine(configured, context, report)
  return failed ? 1 : 0
}

type Report = (findings: readonly Finding[]) => void

function readConfiguration(context: CliContext, report: Report): Configured | undefined {
  const about = 'configuration'
  try {
    const configured = configure(context, GRAMMAR)
    const { warnings } = configured.loaded
    report([
      { about, state: 'ok', text: describe(configured.loaded) },
      ...warnings.map((text): Finding => ({ about, state: 'warning', text })),
    ])
    return configured
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    report(error.problems.map(text => ({ about, state: 'failed', text })))
    return undefined
  }
}

function describe({ settings: { bridge } }: Loaded): string {
  const names = bridge.providers.map(({ name }) => name).join(', ')
  const where = bridge.remote === undefined ? '' : `, bridged by ${accessUrlText(bridge.remote)}`
  return `loads; providers ${names === '' ? 'none' : names}${where}`
}

async function examine(
  { loaded: { settings }, flags }: Configured,
  context: CliContext,
  report: Report,
): Promise<void> {
  report([judgeState(await gatherState(settings.stateDir))])
  const { postgres } = settings
  if (postgres !== undefined) report([judgeDatabase(postgres, await gatherDatabase(postgres))])
  const authority = await gatherAuthority(settings, systemClock.now())
  report(judgeAuthority(authority, systemClock.now()))
  const running = await findRunning(settings.stateDir)
  if (running !== undefined) report(judgeRunning(running, await gatherRunning(running)))
  const listeners = await gatherListeners(settings)
  report(listeners.map(facts => judgeListener(facts, running?.pid)))
  report(judgeNames(await gatherNames(settings)))
  report([judgeShell(context.env, running?.proxy.port ?? settings.proxy.listen.port)])

  await using scratch = await mkdtempDisposable(join(tmpdir(), 'aibridgeproxyd-doctor-'))
  const apart = standingApart(withAuthority(settings, authority), scratch.path)
  const own = await privateSettings(apart, scratch.path)
  await examineOrigins(own, context, report)
  if (flags['skip-clients'] !== undefined) return
  const keyless = own.bridge.providers.map(
    (provider): ProviderSettings => ({ ...provider, keys: [] }),
  )
  const clients = await probeClients(
    { ...own, bridge: { ...own.bridge, remote: undefined, providers: keyless } },
    PROBES,
    context.env,
  )
  report(clients.flatMap(facts => judgeClient(facts) ?? []))
}

/** Neither books, rules nor dumps are those of the daemon, and no tool server is asked. */
function standingApart(settings: Settings, stateDir: string): Settings {
  return {
    ...settings,
    stateDir,
    postgres: undefined,
    policy: NO_POLICY,
    proxy: { ...settings.proxy, dumpDir: undefined },
    bridge: { ...settings.bridge, toolServers: [], dumpDir: undefined },
  }
}

/** The CA that clients meet, where there is one that works; else one of the moment. */
function withAuthority(settings: Settings, { kind }: AuthorityFacts): Settings {
  const files = settings.proxy.ca ?? authorityFiles(settings.stateDir)
  return { ...settings, proxy: { ...settings.proxy, ca: kind === 'loaded' ? files : undefined } }
}

async function examineOrigins(
  settings: Settings,
  context: CliContext,
  report: Report,
): Promise<void> {
  await using snapshot = await openProbeSnapshot(settings)
  const origins = await gatherOrigins(snapshot)
  const { upstream } = settings.proxy
  report(judgeUpstream(upstream?.target.text, origins))
  report(origins.map(judgeOrigin))
  const { deployment } = snapshot
  if (deployment !== undefined && settings.bridge.remote !== undefined) {
    const caller = await gatherCaller(deployment, context.env['CODER_SESSION_TOKEN'])
    report([judgeCaller(caller, accessUrlText(settings.bridge.remote))])
  }
  report(judgeClock(origins))
}
