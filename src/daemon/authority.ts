import { type Authority, loadAuthority } from '../ca/authority.ts'
import { DEFAULT_AUTHORITY_DAYS } from '../ca/create-authority.ts'
import { ensureAuthority } from '../ca/ensure-authority.ts'
import type { Settings } from '../config/settings.ts'

/**
 * The operator's CA, or the state directory's own, which is made when there is
 * none: for the intercepted hosts only. Throws ConfigurationError.
 */
export async function loadOrCreateAuthority(settings: Settings, now: number): Promise<Authority> {
  const hosts = settings.proxy.interceptedHosts
  // With nothing to intercept the CA may sign for nothing: RFC 6761 6.4.
  const permitted = hosts.length > 0 ? hosts : ['nothing.invalid']
  const files =
    settings.proxy.ca ??
    (await ensureAuthority(settings.stateDir, {
      hosts: permitted,
      keyType: 'ec',
      lifetimeDays: DEFAULT_AUTHORITY_DAYS,
      now,
    }))
  return await loadAuthority(files, { hosts, now })
}
