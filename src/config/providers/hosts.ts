import type { InterceptedHost } from '../../kernel/provider.ts'
import { hostText, isLoopbackHost } from '../../kernel/target.ts'
import { quote } from '../parsed.ts'
import type { Report } from '../report.ts'
import type { BuiltProvider } from './build.ts'

interface Claim extends InterceptedHost {
  readonly provider: BuiltProvider
  readonly kind: 'explicit' | 'base' | 'canonical'
}

/**
 * Which hosts are intercepted for which provider. HOSTS comes first; then the
 * hosts of base URLs, in order; then the types' own hosts. A host belongs to
 * one provider only: two that name it in HOSTS are a problem, while several
 * behind one gateway host are legitimate, and the first of them gets it.
 */
export function claimHosts(
  providers: readonly BuiltProvider[],
  report: Report,
): ReadonlyMap<BuiltProvider, readonly InterceptedHost[]> {
  const granted: Claim[] = []
  for (const claim of claimsOf(providers)) {
    const rival = granted.find(other => overlap(claim, other))
    if (rival === undefined) granted.push(claim)
    else if (rival.provider !== claim.provider) tellLoss(claim, rival, report)
  }
  return new Map(
    providers.map(provider => [
      provider,
      granted
        .filter(claim => claim.provider === provider)
        .map(({ host, port }) => ({ host, port })),
    ]),
  )
}

/** Whether some address is both; without a port a host is meant on all of them. */
export function overlap(one: InterceptedHost, other: InterceptedHost): boolean {
  if (one.host !== other.host) return false
  return one.port === undefined || other.port === undefined || one.port === other.port
}

function claimsOf(providers: readonly BuiltProvider[]): Claim[] {
  const explicit = providers.flatMap(provider =>
    (provider.explicitHosts ?? []).map((host): Claim => ({ ...host, provider, kind: 'explicit' })),
  )
  const implicit = providers.filter(provider => provider.explicitHosts === undefined)
  const bases = implicit.flatMap(provider => baseClaim(provider))
  const canonical = implicit
    .filter(provider => firstOfType(provider, providers))
    .flatMap(provider => {
      const claim = { port: undefined, provider, kind: 'canonical' as const }
      return provider.type.canonicalHosts.map(host => ({ ...claim, host }))
    })
  return [...explicit, ...bases, ...canonical]
}

/**
 * A name like `localhost` stands for many services, so only the port of the
 * base URL is meant there; and a plain one has no TLS to intercept.
 */
function baseClaim(provider: BuiltProvider): Claim[] {
  const { protocol, target } = provider.origin
  const claim = { host: hostText(target.host), provider, kind: 'base' as const }
  if (!isLoopbackHost(target.host)) return [{ ...claim, port: undefined }]
  return protocol === 'https' ? [{ ...claim, port: target.port }] : []
}

function firstOfType(provider: BuiltProvider, providers: readonly BuiltProvider[]): boolean {
  return providers.find(other => other.type.type === provider.type.type) === provider
}

function tellLoss(claim: Claim, rival: Claim, report: Report): void {
  const text = `hostname ${quote(claim.host)} already claimed by provider ${quote(rival.provider.name)}`
  const who = `${claim.provider.draft.label} (${quote(claim.provider.name)})`
  if (claim.kind === 'explicit') {
    report.problems.push(`${who}: ${text}: name each host in the HOSTS of one provider`)
  } else if (claim.kind === 'base' || claim.provider.type !== rival.provider.type) {
    report.warnings.push(`${who}: ${text}: it is intercepted for that one`)
  }
}
