import { PROVIDER_TYPES } from '../bridge/providers/registry.ts'
import { type TrustFiles, writeTrustFiles } from '../ca/trust.ts'
import { accessUrlText } from '../config/deployment.ts'
import { type Loaded, loadConfig } from '../config/load.ts'
import { deploymentConfig } from '../config/output/deployment-config.ts'
import { sameValue } from '../config/same-value.ts'
import type { Settings } from '../config/settings.ts'
import { announce, type RunningDaemon } from '../daemon/running.ts'
import { type Daemon, startDaemon } from '../daemon.ts'
import { describeError } from '../kernel/error.ts'
import { addressText } from '../kernel/target.ts'
import { createLog, type Log } from '../observe/log.ts'
import { type CliContext, configure } from './context.ts'
import { keyedTypes } from './environment.ts'
import { firstToken, welcome } from './first-run.ts'
import { keepLastWords } from './last-words.ts'
import { ReloadSignal } from './reload-signal.ts'
import { refuseUnsafeRuntime } from './runtime-environment.ts'
import { packageVersion } from './version.ts'

export const SERVE_USAGE = `Usage: aibridgeproxyd [serve] [--OPTION VALUE …]

Runs the daemon. Every option is a flag, a variable and a YAML key: see --help
and docs/reference/config.md. SIGHUP reads the configuration again; SIGTERM
lets open streams finish, a second one does not.`

/** `serve`: runs until a signal ends it. */
export async function runServe(context: CliContext): Promise<number> {
  const { loaded, flags } = configure(context)
  refuseUnsafeRuntime(context.env, process.execArgv)
  const { settings } = loaded
  if (!settings.proxy.enabled) {
    context.stderr.write(
      'the proxy is switched off (CODER_AIBRIDGE_PROXY_ENABLED=false): nothing to run\n',
    )
    return 0
  }
  const log = createLog(settings.log)
  using _ = keepLastWords(log)
  using hangup = new ReloadSignal()
  for (const warning of loaded.warnings) log.logger.warn(warning)

  const current = { loaded }
  // Ends it, too, where what follows fails.
  await using daemon = await startDaemon(settings, {
    log,
    version: packageVersion(),
    deploymentConfig: () => deploymentConfig(current.loaded),
  })
  // Only now: a token that is made before a start that fails is never shown.
  const first = await firstToken(settings, context.env)
  const trust = await writeTrustFiles(settings.stateDir, daemon.authority.trustPem)
  context.stderr.write(welcome(daemon, settings, first, trust))
  using announcement = await announce(settings.stateDir, runningDaemon(daemon, settings, trust))
  logListening(daemon, log)

  const reload = async (): Promise<void> => {
    try {
      const next = loadConfig({
        flags,
        env: context.env,
        types: PROVIDER_TYPES,
        home: context.home,
      })
      await daemon.reload(next.settings)
      log.logger.level = next.settings.log.level
      await writeTrustFiles(settings.stateDir, daemon.authority.trustPem)
      await announcement.renew(runningDaemon(daemon, next.settings, trust))
      for (const warning of [...next.warnings, ...needRestart(current.loaded, next)]) {
        log.logger.warn(warning)
      }
      current.loaded = next
      log.logger.info('configuration reloaded')
    } catch (error) {
      log.logger.error(
        { problem: describeError(error) },
        'reload failed, the old configuration stays',
      )
    }
  }
  hangup.answerWith(reload)
  await untilStopped(daemon, log)
  await log.flush()
  return 0
}

/** Changes that this process cannot take over while it runs. */
export function needRestart(before: Loaded, after: Loaded): string[] {
  const hadTls = before.settings.proxy.tls !== undefined
  const listener =
    hadTls === (after.settings.proxy.tls !== undefined)
      ? []
      : ['the listener changes between plain and TLS: it needs a restart']
  const options = after.values.flatMap(({ option, value }, index) => {
    const changed = !sameValue(value, before.values[index]?.value)
    return changed && option.restart ? [`${option.env} has changed: it needs a restart`] : []
  })
  return [...listener, ...options]
}

/** What `env` in another shell needs to know. */
function runningDaemon(daemon: Daemon, settings: Settings, trust: TrustFiles): RunningDaemon {
  const { tls, tlsListen } = settings.proxy
  const { remote } = settings.bridge
  return {
    pid: process.pid,
    proxy: daemon.addresses.proxy,
    api: daemon.addresses.api,
    tls: tls !== undefined && tlsListen === undefined,
    ...trust,
    keyedTypes: keyedTypes(settings),
    ...(remote === undefined ? {} : { deployment: accessUrlText(remote) }),
  }
}

function logListening(daemon: Daemon, log: Log): void {
  const { proxy, tls, api, metrics } = daemon.addresses
  const text = (at: { host: string; port: number } | undefined): string | undefined =>
    at === undefined ? undefined : addressText(at.host, at.port)
  log.logger.info(
    {
      proxy: text(proxy),
      proxy_tls: text(tls),
      api: text(api),
      metrics: text(metrics),
      version: packageVersion(),
      node: process.version,
      ca_fingerprint: daemon.authority.certificate.fingerprint256,
      ca_expires_at: new Date(daemon.authority.expiresAt).toISOString(),
    },
    'listening',
  )
}

/** Drains at the first SIGTERM or SIGINT, stops at once at the second. */
async function untilStopped(daemon: Daemon, log: Log): Promise<void> {
  const hurry = new AbortController()
  const asked = Promise.withResolvers<void>()
  const onStop = (): void => {
    if (hurry.signal.aborted) return
    if (stopping) hurry.abort()
    stopping = true
    asked.resolve()
  }
  let stopping = false
  process.on('SIGTERM', onStop).on('SIGINT', onStop)

  await asked.promise
  log.logger.info('draining')
  await daemon.drain(hurry.signal)
  await daemon[Symbol.asyncDispose]()
  log.logger.info('stopped')
  process.off('SIGTERM', onStop).off('SIGINT', onStop)
}
