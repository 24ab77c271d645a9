import { existsSync } from 'node:fs'
import { loadAuthority } from '../../ca/authority.ts'
import { authorityFiles } from '../../ca/ensure-authority.ts'
import type { Settings } from '../../config/settings.ts'
import { ConfigurationError } from '../../kernel/error.ts'
import type { Finding } from './finding.ts'

/** What is known of the CA; `missing` is made at the first start, one outside its dates is `unusable`. */
export type AuthorityFacts =
  | { readonly kind: 'missing' }
  | { readonly kind: 'unusable'; readonly problems: readonly string[] }
  | {
      readonly kind: 'loaded'
      readonly certFile: string
      readonly expiresAt: number
      readonly warnings: readonly string[]
    }

const DAY_MS = 24 * 60 * 60 * 1000
const SOON_MS = 30 * DAY_MS

/** Loads the CA as the daemon does, and changes nothing. */
export async function gatherAuthority(settings: Settings, now: number): Promise<AuthorityFacts> {
  const files = settings.proxy.ca ?? authorityFiles(settings.stateDir)
  if (settings.proxy.ca === undefined && !existsSync(files.keyFile)) return { kind: 'missing' }
  try {
    const authority = await loadAuthority(files, { hosts: settings.proxy.interceptedHosts, now })
    return { kind: 'loaded', ...files, ...authority }
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    return { kind: 'unusable', problems: error.problems }
  }
}

/** Whether clients can be given certificates that they accept today. */
export function judgeAuthority(facts: AuthorityFacts, now: number): readonly Finding[] {
  const about = 'CA'
  switch (facts.kind) {
    case 'missing':
      return [{ about, state: 'ok', text: 'none yet: the first start makes one' }]
    case 'unusable':
      return facts.problems.map(text => ({ about, state: 'failed', text }))
    case 'loaded': {
      const { certFile, expiresAt, warnings } = facts
      const until = new Date(expiresAt).toISOString().slice(0, 10)
      const date: Finding =
        expiresAt - now < SOON_MS
          ? {
              about,
              state: 'warning',
              text: `${certFile} expires on ${until}`,
              fix: 'aibridgeproxyd ca rotate',
            }
          : { about, state: 'ok', text: `${certFile}, until ${until}` }
      return [date, ...warnings.map((text): Finding => ({ about, state: 'warning', text }))]
    }
  }
}
