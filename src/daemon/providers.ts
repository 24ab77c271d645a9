import type { Agent } from 'node:http'
import { Breaker } from '../bridge/breaker/breaker.ts'
import { illness } from '../bridge/health.ts'
import { KeyPool } from '../bridge/keys/key-pool.ts'
import type { Provider } from '../bridge/provider.ts'
import { PROVIDER_TYPES } from '../bridge/providers/registry.ts'
import { createOriginAgent, endIdle } from '../egress/agents.ts'
import { exchange } from '../egress/exchange.ts'
import { createOriginDial, type OriginDialDeps } from '../egress/origin-dial.ts'
import { sendRequest } from '../egress/request.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Emit } from '../kernel/flow.ts'
import type { Limits } from '../kernel/limits.ts'
import type { BreakerSettings, ProviderSettings, ProviderType } from '../kernel/provider.ts'
import { hostText } from '../kernel/target.ts'
import type { ProviderSample } from '../observe/provider-metrics.ts'

const FAULTS = { timeout: 'provider_timeout', broken: 'provider_broken' } as const

/** What the ways to all configured origins have in common. */
export interface OriginDeps {
  readonly dial: OriginDialDeps
  /** PEM; what an origin has of its own is added. */
  readonly roots: readonly string[]
  readonly limits: Limits
}

interface ProviderDeps extends OriginDeps {
  readonly breaker: BreakerSettings
  readonly clock: Clock
  readonly emit: Emit
}

/** What is learnt of a provider while it is used; one for all of its origins. */
type ProviderState = Pick<Provider, 'breaker' | 'keys'>

/** The providers of a snapshot, each with connections to its own origin only. */
export interface Providers extends Disposable {
  readonly byName: ReadonlyMap<string, Provider>
  /** For metrics: what is known of each at the moment. */
  samples(): Iterable<ProviderSample>
  /** Why each is of no use at the moment, if it is not. */
  illnesses(): Iterable<readonly [provider: string, code: string | undefined]>
  /** Closes what is idle; running calls go on to their end. */
  retire(): void
}

export function createProviders(
  settings: readonly ProviderSettings[],
  deps: ProviderDeps,
): Providers {
  const agents: Agent[] = []
  const create = (provider: ProviderSettings, state: ProviderState): Provider => {
    const roots = provider.caPem === undefined ? deps.roots : [...deps.roots, provider.caPem]
    const agent = createOriginAgent(createOriginDial(provider.origin, roots, deps.dial))
    agents.push(agent)
    const siblings = provider.siblings.map(origin => {
      const sibling = create({ ...provider, origin, siblings: [] }, state)
      return [hostText(origin.target.host), sibling] as const
    })
    return {
      settings: provider,
      type: typeOf(provider),
      ...state,
      send: request =>
        exchange(outgoing => sendRequest(agent, outgoing), {
          ...request,
          firstByteTimeoutMs: deps.limits.firstByteTimeoutMs,
          idleTimeoutMs: deps.limits.streamIdleTimeoutMs,
          faults: FAULTS,
        }),
      siblings: new Map(siblings),
    }
  }
  const byName = new Map(
    settings.map(provider => {
      const { name, keys } = provider
      const state: ProviderState = {
        breaker: new Breaker({ ...deps, provider: name, settings: deps.breaker }),
        keys: new KeyPool({ ...deps, provider: name, keys }),
      }
      return [name, create(provider, state)]
    }),
  )
  return {
    byName,
    *samples() {
      for (const [provider, { breaker, keys }] of byName) {
        yield { provider, keys: keys.counts(), circuits: breaker.states() }
      }
    },
    *illnesses() {
      for (const [name, provider] of byName) yield [name, illness(provider)] as const
    },
    retire() {
      for (const agent of agents) endIdle(agent)
    },
    [Symbol.dispose]() {
      for (const agent of agents) agent.destroy()
    },
  }
}

/** The registry's object for a configured type. */
export function typeOf({ type, name }: ProviderSettings): ProviderType {
  const found = PROVIDER_TYPES.find(known => known.type === type)
  if (found === undefined) throw new Error(`provider "${name}" has the unknown type "${type}"`)
  return found
}
