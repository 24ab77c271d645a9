import type { InterceptedHost, ProviderSettings } from '../../kernel/provider.ts'
import { hostText } from '../../kernel/target.ts'
import { quote } from '../parsed.ts'
import type { Report } from '../report.ts'
import { readHostAndPort } from '../types/host.ts'
import { overlap } from './hosts.ts'

/**
 * Restricts the providers' hosts to the domain allowlist. `entries` undefined:
 * no allowlist, nothing is restricted.
 */
export function applyAllowlist(
  providers: readonly ProviderSettings[],
  entries: readonly string[] | undefined,
  allowedPorts: readonly number[],
  report: Report,
): readonly ProviderSettings[] {
  if (entries === undefined) return providers
  if (entries.length === 0) {
    report.problems.push(
      'domain allowlist is empty, at least one domain is required: name one in CODER_AIBRIDGE_PROXY_DOMAIN_ALLOWLIST, or unset it',
    )
    return providers
  }
  const allowed = entries.flatMap(entry => {
    const host = readEntry(entry, allowedPorts)
    if (typeof host === 'string') {
      report.problems.push(
        `invalid domain allowlist: ${host} (CODER_AIBRIDGE_PROXY_DOMAIN_ALLOWLIST)`,
      )
      return []
    }
    if (providers.some(provider => provider.hosts.some(other => overlap(host, other))))
      return [host]
    report.problems.push(
      `domain ${quote(entry)} is in allowlist but has no provider mapping: remove it from CODER_AIBRIDGE_PROXY_DOMAIN_ALLOWLIST, or add it to the HOSTS of a provider`,
    )
    return []
  })
  return providers.map(provider => ({
    ...provider,
    hosts: provider.hosts.flatMap(host => narrow(host, allowed)),
  }))
}

function readEntry(entry: string, allowedPorts: readonly number[]): InterceptedHost | string {
  const result = readHostAndPort(entry)
  if (!result.ok) return `invalid domain ${quote(entry)}: ${result.problem}`
  const { host, port } = result.value
  if (port !== undefined && !allowedPorts.includes(port)) {
    return `invalid port in domain ${quote(entry)}: port ${port} is not in allowed ports [${allowedPorts.join(' ')}]: leave it out, or add it to CODER_AIBRIDGE_PROXY_ALLOWED_PORTS`
  }
  return { host: hostText(host), port }
}

/** What is left of a host: all of it, or the ports that are listed. */
function narrow(host: InterceptedHost, allowed: readonly InterceptedHost[]): InterceptedHost[] {
  const matching = allowed.filter(entry => overlap(host, entry))
  if (matching.some(entry => entry.port === undefined)) return [host]
  return matching.map(entry => ({ host: host.host, port: entry.port }))
}
