import type { TrustFiles } from '../ca/trust.ts'
import { accessUrlText } from '../config/deployment.ts'
import type { Settings } from '../config/settings.ts'
import type { Daemon } from '../daemon.ts'
import { systemClock } from '../kernel/clock.ts'
import type { Secret } from '../kernel/secret.ts'
import { addressText } from '../kernel/target.ts'
import { withTokens } from '../record/token-book.ts'
import { createFirstToken } from '../record/tokens.ts'
import type { CliContext } from './context.ts'
import { userName } from './user-name.ts'

/**
 * A token for whoever starts the daemon for the first time, so that there is
 * one to begin with. Not under systemd: what is printed there is kept in the
 * journal for everybody in its group to read.
 */
export async function firstToken(
  settings: Settings,
  env: CliContext['env'],
): Promise<{ readonly user: string; readonly token: Secret } | undefined> {
  // The deployment's callers are no users of ours.
  if (settings.bridge.remote !== undefined) return undefined
  if (env['JOURNAL_STREAM'] !== undefined || settings.proxy.auth === 'off') return undefined
  const user = userName(env)
  const createdAt = systemClock.now()
  const wanted = { user, name: 'first', admin: true, createdAt, expiresAt: undefined }
  const made = await withTokens(settings, () => createFirstToken(wanted))
  return made === undefined ? undefined : { user, token: made.token }
}

/** The four lines that somebody needs who has just started it. */
export function welcome(
  daemon: Daemon,
  settings: Settings,
  first: { readonly user: string; readonly token: Secret } | undefined,
  { caFile, bundleFile }: TrustFiles,
): string {
  const { proxy, api } = daemon.addresses
  const scheme =
    settings.proxy.tls !== undefined && settings.proxy.tlsListen === undefined ? 'https' : 'http'
  const credentials = first === undefined ? '' : `${first.user}:${first.token.reveal()}@`
  const once = first === undefined ? '' : "   (your first token, an admin's, shown only now)"
  const { remote } = settings.bridge
  const callers = remote === undefined ? '' : `   (for users of ${accessUrlText(remote)})`
  return [
    `proxy   ${scheme}://${credentials}${addressText(proxy.host, proxy.port)}${once}${callers}`,
    `trust   ${caFile}   (with the system's roots: ${bundleFile})`,
    'shell   eval "$(npm start --silent -- env)"   (installed: aibridgeproxyd env; one command only: … run -- claude)',
    `watch   http://${addressText(api.host, api.port)}/metrics   (readiness: /readyz)`,
    '',
  ].join('\n')
}
