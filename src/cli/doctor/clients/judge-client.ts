import type { Finding } from '../finding.ts'
import type { Probe } from './probes.ts'

/** What one client did, as both it and the proxy saw it. */
export interface ClientFacts {
  readonly probe: Pick<Probe, 'client' | 'bypass'>
  readonly installed: boolean
  /** Its request came out of the TLS connection. */
  readonly called: boolean
  /** The reason for which its CONNECT was refused. */
  readonly refused: string | undefined
  /** A code of `mitm/tls-failure`, with the text for operators. */
  readonly tlsFailure: { readonly code: string; readonly text: string } | undefined
  /** The last line that it said. */
  readonly output: string
}

/** `undefined` for a client that this machine does not have. */
export function judgeClient(facts: ClientFacts): Finding | undefined {
  const { probe, installed, called, refused, tlsFailure, output } = facts
  if (!installed) return undefined
  const about = probe.client
  if (called) return { about, state: 'ok', text: 'speaks TLS and HTTP through the proxy' }
  const said = output === '' ? '' : `; it says: ${output}`
  if (tlsFailure !== undefined) {
    const fix =
      tlsFailure.code === 'ca_not_trusted'
        ? 'give it the CA as `aibridgeproxyd env` does; a setting of its own may stand in the way'
        : undefined
    const text = `TLS fails (${tlsFailure.code}): ${tlsFailure.text}${said}`
    return { about, state: 'failed', text, ...(fix && { fix }) }
  }
  if (refused !== undefined) {
    return { about, state: 'failed', text: `its CONNECT was refused: ${refused}${said}` }
  }
  return { about, state: 'warning', text: `did not come to the proxy${said}`, fix: probe.bypass }
}
