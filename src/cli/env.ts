import { writeTrustFiles } from '../ca/trust.ts'
import { accessUrlText } from '../config/deployment.ts'
import type { Settings } from '../config/settings.ts'
import { loadOrCreateAuthority } from '../daemon/authority.ts'
import { findRunning, type RunningDaemon } from '../daemon/running.ts'
import { systemClock } from '../kernel/clock.ts'
import { ConfigurationError } from '../kernel/error.ts'
import { Secret } from '../kernel/secret.ts'
import { parseHost } from '../kernel/target.ts'
import { withTokens } from '../record/token-book.ts'
import { createToken } from '../record/tokens.ts'
import { type CliContext, configure, flagValue } from './context.ts'
import { deploymentToken } from './deployment-token.ts'
import { type ClientAccess, clientEnvironment, keyedTypes, withoutOwnKeys } from './environment.ts'
import { SHELLS, type Shell, writeVariables } from './shells.ts'
import { userName, userProblem } from './user-name.ts'

export const ENV_USAGE = `Usage: aibridgeproxyd env [--shell ${SHELLS.join('|')}] [--user NAME] [--token T] [--host HOST]

Prints every variable that makes a client use the proxy and trust its CA, for
eval "$(aibridgeproxyd env)". Asks the state directory for the daemon that runs,
or goes by this shell's configuration. Makes a token for the user unless one is
given; --host says under which name clients reach this machine. While the bridge
of this daemon is off, the token is that of CODER_SESSION_TOKEN.`

const TOKEN_LIFETIME_MS = 30 * 24 * 60 * 60_000

/** `env`: the client's side of the configuration. */
export async function runEnv(context: CliContext): Promise<number> {
  const configured = configure(context, {
    own: { shell: 'value', user: 'value', token: 'value', host: 'value' },
  })
  const { settings } = configured.loaded
  const shell = parseShell(flagValue(configured, 'shell'))
  const user = parseUser(flagValue(configured, 'user')) ?? userName(context.env)
  const given = parseToken(flagValue(configured, 'token'))
  const host = parseHostFlag(flagValue(configured, 'host'))

  const running = await findRunning(settings.stateDir)
  const daemon = running === undefined ? await configuredDaemon(settings) : fromRunning(running)
  if (running === undefined) {
    context.stderr.write(
      `aibridgeproxyd: no daemon runs on ${settings.stateDir}: these variables are for one with this shell's configuration\n`,
    )
  }
  const { deployment } = daemon
  const variables = clientEnvironment({
    ...daemon,
    ...(deployment && { keyedTypes: withoutOwnKeys(daemon.keyedTypes, context.env) }),
    proxy: { host: host ?? daemon.proxy.host, port: daemon.proxy.port },
    user,
    token: given ?? (await tokenFor(user, deployment, settings, context.env)),
    noProxy: context.env['NO_PROXY'] ?? context.env['no_proxy'],
  })
  context.stdout.write(writeVariables(shell, variables))
  return 0
}

type DaemonFacts = Pick<ClientAccess, 'proxy' | 'tls' | 'trust' | 'keyedTypes'> & {
  readonly deployment: string | undefined
}

/** The daemon that runs knows best; this shell need not know its configuration. */
function fromRunning({
  proxy,
  tls,
  caFile,
  bundleFile,
  keyedTypes: types,
  deployment,
}: RunningDaemon): DaemonFacts {
  return { proxy, tls, trust: { caFile, bundleFile }, keyedTypes: types, deployment }
}

/** What a daemon with this shell's configuration would be. */
async function configuredDaemon(settings: Settings): Promise<DaemonFacts> {
  const { listen, tls, tlsListen } = settings.proxy
  if (listen.port === 0) {
    throw new ConfigurationError([
      'CODER_AIBRIDGE_PROXY_LISTEN_ADDR: with port 0 the port is only known to a running daemon; start it, or give it a port',
    ])
  }
  const { remote } = settings.bridge
  const authority = await loadOrCreateAuthority(settings, systemClock.now())
  return {
    proxy: listen,
    tls: tls !== undefined && tlsListen === undefined,
    trust: await writeTrustFiles(settings.stateDir, authority.trustPem),
    keyedTypes: keyedTypes(settings),
    deployment: remote === undefined ? undefined : accessUrlText(remote),
  }
}

function parseToken(text: string | undefined): Secret | undefined {
  if (text === '') throw new ConfigurationError(['--token: give the token, or leave the flag out'])
  return text === undefined ? undefined : new Secret(text)
}

function parseHostFlag(text: string | undefined): string | undefined {
  if (text === undefined || parseHost(text).ok || parseHost(`[${text}]`).ok) return text
  throw new ConfigurationError([`--host: "${text}" is no host name or address`])
}

function parseShell(text: string | undefined): Shell {
  if (text === undefined) return 'sh'
  const shell = SHELLS.find(known => known === text)
  if (shell !== undefined) return shell
  throw new ConfigurationError([`--shell: "${text}" is not one of ${SHELLS.join(', ')}`])
}

function parseUser(text: string | undefined): string | undefined {
  const problem = text === undefined ? undefined : userProblem(text)
  if (problem !== undefined) throw new ConfigurationError([problem])
  return text
}

async function tokenFor(
  user: string,
  deployment: string | undefined,
  settings: Settings,
  env: CliContext['env'],
): Promise<Secret> {
  return deployment === undefined
    ? await mintToken(settings, user)
    : deploymentToken(env, deployment)
}

async function mintToken(settings: Settings, user: string): Promise<Secret> {
  const createdAt = systemClock.now()
  const expiresAt = createdAt + TOKEN_LIFETIME_MS
  const wanted = { user, name: 'env', admin: false, createdAt, expiresAt }
  return (await withTokens(settings, () => createToken(wanted))).token
}
