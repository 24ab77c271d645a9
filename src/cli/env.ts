import { writeTrustFiles } from '../ca/trust.ts'
import type { Settings } from '../config/settings.ts'
import { loadOrCreateAuthority } from '../daemon/authority.ts'
import { systemClock } from '../kernel/clock.ts'
import { ConfigurationError } from '../kernel/error.ts'
import { Secret } from '../kernel/secret.ts'
import type { ListenAddress } from '../kernel/target.ts'
import { openDatabase } from '../record/database.ts'
import { createToken } from '../record/tokens.ts'
import { type CliContext, configure, flagValue } from './context.ts'
import { clientEnvironment } from './environment.ts'
import { SHELLS, type Shell, writeVariables } from './shells.ts'
import { userName, userProblem } from './user-name.ts'

export const ENV_USAGE = `Usage: aibridgeproxyd env [--shell ${SHELLS.join('|')}] [--user NAME] [--token T] [--host HOST]

Prints every variable that makes a client use the proxy and trust its CA, for
eval "$(aibridgeproxyd env)". Makes a token for the user unless one is given;
--host says under which name clients reach this machine.`

const TOKEN_LIFETIME_MS = 30 * 24 * 60 * 60_000

/** `env`: the client's side of the configuration. */
export async function runEnv(context: CliContext): Promise<number> {
  const configured = configure(context, {
    own: { shell: 'value', user: 'value', token: 'value', host: 'value' },
  })
  const { settings } = configured.loaded
  const shell = parseShell(flagValue(configured, 'shell'))
  const user = parseUser(flagValue(configured, 'user')) ?? userName(context.env)
  const proxy = reachable(settings, flagValue(configured, 'host'))

  const authority = await loadOrCreateAuthority(settings, systemClock.now())
  const trust = await writeTrustFiles(settings.stateDir, authority)
  const given = flagValue(configured, 'token')
  const token = given === undefined ? mintToken(settings, user) : new Secret(given)
  const { proxy: listener } = settings
  const variables = clientEnvironment(
    {
      proxy,
      tls: listener.tls !== undefined && listener.tlsListen === undefined,
      user,
      token,
      trust,
      noProxy: context.env['NO_PROXY'] ?? context.env['no_proxy'],
    },
    settings,
  )
  context.stdout.write(writeVariables(shell, variables))
  return 0
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

function reachable({ proxy }: Settings, host: string | undefined): ListenAddress {
  if (proxy.listen.port === 0) {
    throw new ConfigurationError([
      '--aibridge-proxy-listen-addr: with port 0 the port is only known to the daemon; give it a port',
    ])
  }
  return { host: host ?? proxy.listen.host, port: proxy.listen.port }
}

function mintToken(settings: Settings, user: string): Secret {
  const database = openDatabase(settings.stateDir)
  try {
    const createdAt = systemClock.now()
    const expiresAt = createdAt + TOKEN_LIFETIME_MS
    return createToken(database, { user, name: 'env', admin: false, createdAt, expiresAt }).token
  } finally {
    database.close()
  }
}
