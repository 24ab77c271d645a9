import type { Agent } from 'node:http'
import { Breaker, type CircuitState } from '../bridge/breaker/breaker.ts'
import type { Provider } from '../bridge/bridge.ts'
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

/** The providers of a snapshot, each with connections to its own origin only. */
export interface Providers extends Disposable {
  readonly byName: ReadonlyMap<string, Provider>
  /** For metrics: the state of every circuit that has been used. */
  circuits(): Iterable<CircuitState & { readonly provider: string }>
  /** Closes what is idle; running calls go on to their end. */
  retire(): void
}

export function createProviders(
  settings: readonly ProviderSettings[],
  deps: ProviderDeps,
): Providers {
  const agents: Agent[] = []
  const create = (provider: ProviderSettings, breaker: Breaker): Provider => {
    const roots = provider.caPem === undefined ? deps.roots : [...deps.roots, provider.caPem]
    const agent = createOriginAgent(createOriginDial(provider.origin, roots, deps.dial))
    agents.push(agent)
    const siblings = provider.siblings.map(origin => {
      const sibling = create({ ...provider, origin, siblings: [] }, breaker)
      return [hostText(origin.target.host), sibling] as const
    })
    return {
      settings: provider,
      type: typeOf(provider),
      breaker,
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
      const breaker = new Breaker({ ...deps, provider: provider.name, settings: deps.breaker })
      return [provider.name, create(provider, breaker)]
    }),
  )
  return {
    byName,
    *circuits() {
      for (const [provider, { breaker }] of byName) {
        for (const state of breaker.states()) yield { provider, ...state }
      }
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
