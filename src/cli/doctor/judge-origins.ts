import type { Finding } from './finding.ts'
import type { OriginFacts } from './origins.ts'

/** Where tokens, certificates and signatures begin to fail. */
const SKEW_FAILED_MS = 5 * 60_000
const SKEW_WARNING_MS = 60_000

/** Whether an origin can be reached, whatever it answered. */
export function judgeOrigin({ about, host, result }: OriginFacts): Finding {
  if (result.ok) return { about, state: 'ok', text: `${host} answers (${result.status})` }
  const { reason, detail } = result
  return { about, state: 'failed', text: `${host}: ${detail}`, fix: originFix(reason, detail) }
}

/** The innermost reason that a text names is the one to mend. */
function originFix(reason: string, detail: string): string {
  if (/upstream_proxy_refused.*\b407\b/.test(detail)) {
    return 'give the upstream proxy its credentials: CODER_AIBRIDGE_PROXY_UPSTREAM=http://user:password@host:port'
  }
  if (/upstream_proxy_/.test(detail)) {
    return 'check the upstream proxy and what it allows (CODER_AIBRIDGE_PROXY_UPSTREAM, _UPSTREAM_CA)'
  }
  if (/dns_(not_found|failed|timeout)/.test(detail)) {
    return 'check the name and the resolver (getent hosts NAME); where only a proxy resolves, set CODER_AIBRIDGE_PROXY_UPSTREAM'
  }
  if (reason === 'provider_tls') {
    return 'its certificate is of another CA, or somebody inspects TLS on the way: give that CA in CODER_AIBRIDGE_PROVIDER_<N>_CA_FILE'
  }
  if (reason === 'bridge_tls') {
    return 'its certificate is of another CA, or somebody inspects TLS on the way: give that CA in CODER_AIBRIDGE_PROXY_TARGET_CA'
  }
  return 'allow this machine to reach it, or set CODER_AIBRIDGE_PROXY_UPSTREAM to the proxy that may'
}

/** What the legs say of the upstream proxy that all of them took; nothing when there is none. */
export function judgeUpstream(
  upstream: string | undefined,
  origins: readonly OriginFacts[],
): readonly Finding[] {
  if (upstream === undefined || origins.length === 0) return []
  const about = 'upstream proxy'
  const broken = origins.find(({ result }) => !result.ok && /upstream_proxy_/.test(result.detail))
  if (broken === undefined || broken.result.ok) {
    return [{ about, state: 'ok', text: `${upstream} carries connections` }]
  }
  const { reason, detail } = broken.result
  return [
    { about, state: 'failed', text: `${upstream}: ${detail}`, fix: originFix(reason, detail) },
  ]
}

/** This machine's clock against the median of the others'. */
export function judgeClock(origins: readonly OriginFacts[]): readonly Finding[] {
  const skews = origins
    .flatMap(({ result }) =>
      result.ok && result.date !== undefined ? [result.at - result.date] : [],
    )
    .sort((a, b) => a - b)
  const skew = skews[Math.floor(skews.length / 2)]
  if (skew === undefined) return []
  const about = 'clock'
  const off = Math.abs(skew)
  const text = `${Math.round(off / 1000)} s ${skew < 0 ? 'behind' : 'ahead of'} the clocks of those that were asked`
  const fix = 'timedatectl set-ntp true'
  if (off >= SKEW_FAILED_MS) return [{ about, state: 'failed', text, fix }]
  return off >= SKEW_WARNING_MS
    ? [{ about, state: 'warning', text, fix }]
    : [{ about, state: 'ok', text }]
}
