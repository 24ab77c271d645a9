import { openSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { devNull, tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeTrustFiles } from '../ca/trust.ts'
import { accessUrlText } from '../config/deployment.ts'
import { deploymentConfig } from '../config/output/deployment-config.ts'
import { startDaemon } from '../daemon.ts'
import { ConfigurationError, describeError } from '../kernel/error.ts'
import { createLog } from '../observe/log.ts'
import { generateToken } from '../record/tokens.ts'
import { type CliContext, type Configured, configure, flagValue } from './context.ts'
import { deploymentToken } from './deployment-token.ts'
import { clientEnvironment, keyedTypes, withoutOwnKeys } from './environment.ts'
import { privateSettings } from './private-settings.ts'
import { catchSignals, exitCodeOf, runChild } from './run-child.ts'
import { RunSummary } from './run-summary.ts'
import { userName } from './user-name.ts'
import { packageVersion } from './version.ts'

export const RUN_USAGE = `Usage: aibridgeproxyd run [--log FILE] [--OPTION VALUE …] [--] COMMAND [ARG …]

Starts a private daemon on free ports, runs the command through it, and ends
with its exit code. ANTHROPIC_API_KEY and OPENAI_API_KEY are taken out of the
command's environment and used as central keys, unless the bridge of a deployment
is used; its user is then that of CODER_SESSION_TOKEN. --log keeps the daemon's log.`

/** Keys that agents look for, and the options that take their place. */
const PARENT_KEYS: Readonly<Record<string, string>> = {
  ANTHROPIC_API_KEY: 'CODER_AIBRIDGE_ANTHROPIC_KEY',
  OPENAI_API_KEY: 'CODER_AIBRIDGE_OPENAI_KEY',
}

/** `run`: one command behind a daemon of its own. Returns the command's exit code. */
export async function runRun(context: CliContext): Promise<number> {
  const { configured, env, deployment } = configureRun(context)
  const [command, ...args] = configured.rest
  if (command === undefined) throw new ConfigurationError([`run needs a command\n${RUN_USAGE}`])
  using early = catchSignals()
  await using scratch = await mkdtempDisposable(join(tmpdir(), 'aibridgeproxyd-run-'))
  const settings = await privateSettings(configured.loaded.settings, scratch.path)

  const log = createLog({
    ...settings.log,
    fd: openLog(flagValue(configured, 'log')),
  })
  const user = userName(context.env)
  const token =
    deployment === undefined ? generateToken() : deploymentToken(context.env, deployment)
  const summary = new RunSummary()
  await using daemon = await startDaemon(settings, {
    log,
    version: packageVersion(),
    deploymentConfig: () => deploymentConfig(configured.loaded),
    extraTokens:
      deployment === undefined ? [{ token, identity: { user, tokenId: 'run', admin: false } }] : [],
    onEvent: event => summary.add(event),
  })
  const variables = clientEnvironment({
    proxy: daemon.addresses.proxy,
    tls: false,
    user,
    token,
    trust: await writeTrustFiles(scratch.path, daemon.authority.trustPem),
    keyedTypes:
      deployment === undefined
        ? keyedTypes(settings)
        : withoutOwnKeys(keyedTypes(settings), context.env),
    noProxy: env['NO_PROXY'] ?? env['no_proxy'],
  })
  if (early.signal !== undefined) return exitCodeOf(early.signal)
  const code = await runChild(
    command,
    args,
    { ...withoutAdopted(context.env, env), ...variables },
    context,
  )
  await daemon.drain(AbortSignal.timeout(1000))
  context.stderr.write(summary.text())
  await log.flush()
  return code
}

function openLog(path = devNull): number {
  try {
    return openSync(path, 'a', 0o600)
  } catch (error) {
    throw new ConfigurationError([
      `--log: ${describeError(error)}: name a file that can be written`,
    ])
  }
}

interface RunConfiguration {
  readonly configured: Configured
  /** The environment that it was read from. */
  readonly env: CliContext['env']
  /** Access URL of the deployment that has the keys, in remote mode. */
  readonly deployment: string | undefined
}

/** With a deployment's bridge the command keeps its keys: they may be its user's own. */
function configureRun(context: CliContext): RunConfiguration {
  const read = (env: CliContext['env']): Configured =>
    configure({ ...context, env }, { own: { log: 'value' }, stopAtOperand: true })
  const configured = read(context.env)
  const { remote } = configured.loaded.settings.bridge
  if (remote !== undefined) {
    return { configured, env: context.env, deployment: accessUrlText(remote) }
  }
  const env = adoptKeys(context.env)
  return { configured: read(env), env, deployment: undefined }
}

/** Keys of the parent become central ones, unless the operator configured providers. */
function adoptKeys(env: CliContext['env']): CliContext['env'] {
  if (Object.keys(env).some(name => /^CODER_(AIBRIDGE|AI_GATEWAY)_PROVIDER_/i.test(name)))
    return env
  const adopted: Record<string, string | undefined> = { ...env }
  for (const [from, to] of Object.entries(PARENT_KEYS)) {
    if (env[from] !== undefined && env[from] !== '') adopted[to] ??= env[from]
  }
  return adopted
}

/** The child gets neither the keys nor the proxy's own configuration. */
function withoutAdopted(
  env: CliContext['env'],
  adopted: CliContext['env'],
): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) {
    const option = PARENT_KEYS[name]
    const isAdopted = option !== undefined && adopted[option] !== undefined
    const isOurs = /^CODER_(AIBRIDGE_|AI_GATEWAY_|PG_CONNECTION_URL)/i.test(name)
    if (value !== undefined && !isAdopted && !isOurs) kept[name] = value
  }
  return kept
}
