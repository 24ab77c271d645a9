import { REASONS } from '../../kernel/reasons.ts'
import { type Host, parseAuthority, parseHost } from '../../kernel/target.ts'
import { type Parsed, parsed, unparsable } from '../parsed.ts'

export interface HostAndPort {
  readonly host: Host
  readonly port: number | undefined
}

/** A host in the daemon's one grammar; IPv6 in brackets. */
export function readHost(text: string): Parsed<Host> {
  const result = parseHost(text)
  return result.ok ? parsed(result.host) : unparsable(REASONS[result.reason].text)
}

/** `host` or `host:port` as an operator writes it. */
export function readHostAndPort(text: string): Parsed<HostAndPort> {
  const alone = parseHost(text)
  if (alone.ok) return parsed({ host: alone.host, port: undefined })
  const both = parseAuthority(text)
  if (both.ok) return parsed({ host: both.target.host, port: both.target.port })
  const reason = both.reason === 'port_missing' ? alone.reason : both.reason
  return unparsable(REASONS[reason].text)
}
