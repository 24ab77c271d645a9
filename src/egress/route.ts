import { cidrContains } from '../kernel/address.ts'
import { Refusal } from '../kernel/error.ts'
import type { Leg } from '../kernel/flow.ts'
import { isLocalhostName } from '../kernel/target.ts'
import { classify } from './classify.ts'
import { type GuardPolicy, judge, type Pinned } from './guard.ts'
import { addressesOf, type Resolve } from './resolve.ts'
import type { Upstream } from './upstream.ts'

export interface RouteDeps {
  readonly resolve: Resolve
  readonly guard: GuardPolicy
  readonly upstream: Upstream | undefined
  /** Names go to the upstream proxy unresolved and unjudged. */
  readonly upstreamResolves: boolean
}

/** How a judged target is reached. */
export type LegRoute =
  | { readonly kind: 'direct'; readonly pinned: readonly Pinned[] }
  | { readonly kind: 'upstream'; readonly upstream: Upstream }

/**
 * Resolves a target once, judges every address, and says how to reach it.
 * Targets that go through an upstream proxy are judged here as well; what the
 * proxy's own resolver makes of the name is beyond us. Rejects with a Refusal
 * whose detail has the address, for the operator only.
 *
 * Allowlisted loopback addresses are reached directly unless the proxy is on
 * this machine too: behind another one they would be the proxy's own.
 */
export async function routeTarget(
  { target, caller }: Pick<Leg, 'target' | 'caller'>,
  signal: AbortSignal,
  deps: RouteDeps,
): Promise<LegRoute> {
  const { host } = target
  const isLocalhost = host.kind === 'name' && isLocalhostName(host.name)
  const { upstream } = deps
  if (upstream !== undefined && deps.upstreamResolves && host.kind === 'name' && !isLocalhost) {
    return { kind: 'upstream', upstream }
  }

  const { allowedPrivateCidrs } = deps.guard
  const found = await addressesOf(host, deps.resolve, signal, caller)
  // Of localhost only those addresses count that the operator allowed.
  const addresses = isLocalhost
    ? found.filter(address => allowedPrivateCidrs.some(cidr => cidrContains(cidr, address)))
    : found
  if (addresses.length === 0) throw new Refusal('loopback', 'no loopback address is allowlisted')

  const judged = judge(addresses, deps.guard, target.port)
  if (!judged.ok) throw new Refusal(judged.refused, judged.address.text)
  const isLoopback = judged.allowed.some(({ address }) => classify(address) === 'loopback')
  return upstream !== undefined && (!isLoopback || upstream.isLocal)
    ? { kind: 'upstream', upstream }
    : { kind: 'direct', pinned: judged.allowed }
}
