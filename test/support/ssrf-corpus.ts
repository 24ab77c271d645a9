import { readFileSync } from 'node:fs'

/** How the daemon of an entry is configured. */
export interface CorpusConfig {
  readonly mitm_hosts: readonly string[]
  readonly allowed_ports: readonly number[]
  readonly allowed_private_cidrs: readonly string[]
  readonly nat64_prefixes: readonly string[]
  readonly upstream_proxy: string | null
  readonly upstream_resolves?: boolean
  readonly deny_ip_literals: boolean
  readonly proxy_listen?: readonly string[]
  readonly admin_listen?: readonly string[]
  readonly local_interface_addresses?: readonly string[]
}

export interface CorpusEntry {
  readonly id: string
  readonly wire_b64: string
  readonly verdict: 'allowed' | 'blocked' | 'refused-as-malformed'
  readonly status: number
  readonly reason: string
  readonly why: string
  readonly config?: Partial<CorpusConfig>
  /** The answer to the first lookup, to the second, … */
  readonly dns?: readonly { readonly A?: readonly string[]; readonly AAAA?: readonly string[] }[]
  readonly must_dial_only?: readonly string[]
}

/** Authorities as an attacker would send them, with what has to become of each. */
export const CORPUS: {
  readonly meta: { readonly defaults: CorpusConfig }
  readonly entries: readonly CorpusEntry[]
} = JSON.parse(readFileSync(new URL('../fixtures/ssrf-corpus.json', import.meta.url), 'utf8'))

/** The authority of an entry, one character for each byte. */
export function wireOf({ wire_b64 }: CorpusEntry): string {
  return Buffer.from(wire_b64, 'base64').toString('latin1')
}
