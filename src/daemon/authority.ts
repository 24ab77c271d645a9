import { X509Certificate } from 'node:crypto'
import { type Authority, type AuthorityFiles, loadAuthority } from '../ca/authority.ts'
import { DEFAULT_AUTHORITY_DAYS } from '../ca/create-authority.ts'
import { ensureAuthority } from '../ca/ensure-authority.ts'
import { pemBlocks } from '../ca/pem.ts'
import { overlapPem } from '../ca/rotation.ts'
import type { Settings } from '../config/settings.ts'

/** The operator's CA, or the state directory's own. Throws ConfigurationError. */
export async function loadOrCreateAuthority(settings: Settings, now: number): Promise<Authority> {
  const { ca, interceptedHosts: hosts } = settings.proxy
  if (ca !== undefined) return await loadAuthority(ca, { hosts, now })
  const authority = await loadAuthority(await ensureOwnAuthority(settings, now), { hosts, now })
  const overlap = await overlapPem(settings.stateDir, now)
  return {
    ...authority,
    trustPem: authority.trustPem + overlap,
    own: [...authority.own, ...pemBlocks(overlap).map(({ text }) => new X509Certificate(text))],
  }
}

/** The CA of the state directory, made when there is none: for the intercepted hosts only. */
export async function ensureOwnAuthority(settings: Settings, now: number): Promise<AuthorityFiles> {
  const { interceptedHosts } = settings.proxy
  return await ensureAuthority(settings.stateDir, {
    // With nothing to intercept the CA may sign for nothing (RFC 6761 6.4).
    hosts: interceptedHosts.length > 0 ? interceptedHosts : ['nothing.invalid'],
    keyType: 'ec',
    lifetimeDays: DEFAULT_AUTHORITY_DAYS,
    now,
  })
}
