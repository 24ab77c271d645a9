import { createBedrockSend } from '../bridge/bedrock/send.ts'
import type { Translator } from '../bridge/bedrock/translator.ts'
import { Breaker } from '../bridge/breaker/breaker.ts'
import { illness } from '../bridge/health.ts'
import { KeyPool } from '../bridge/keys/key-pool.ts'
import type { Provider, Send } from '../bridge/provider.ts'
import { bedrock } from '../bridge/providers/bedrock.ts'
import { PROVIDER_TYPES } from '../bridge/providers/registry.ts'
import { awsCredentials } from '../egress/aws/credentials.ts'
import { createSign } from '../egress/aws/sign.ts'
import { type OriginLeg, openOrigin } from '../egress/origin.ts'
import type { OriginDialDeps } from '../egress/origin-dial.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Emit } from '../kernel/flow.ts'
import type { Limits } from '../kernel/limits.ts'
import type {
  BedrockSettings,
  BreakerSettings,
  ProviderSettings,
  ProviderType,
  Sibling,
} from '../kernel/provider.ts'
import type { ProviderSample } from '../observe/provider-metrics.ts'
import type { DumpDirectory } from '../record/dumps/dump-directory.ts'
import { dumpedSend } from './dumps.ts'

const FAULTS = { timeout: 'provider_timeout', broken: 'provider_broken' } as const

/** What vouches for a server (PEM): the roots of all of them, and a file of its own. */
export type RootsWith = (file: string | undefined) => readonly string[]

/** What the ways to all configured origins have in common. */
export interface OriginDeps {
  readonly dial: OriginDialDeps
  readonly rootsWith: RootsWith
  readonly limits: Limits
}

interface ProviderDeps extends OriginDeps {
  readonly breaker: BreakerSettings
  readonly translator: Translator
  readonly clock: Clock
  /** Where what goes to providers is written, if it is. */
  readonly dumps: DumpDirectory | undefined
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

/** Opens no connection yet: each is made by the first call that needs it. */
export function createProviders(
  settings: readonly ProviderSettings[],
  deps: ProviderDeps,
): Providers {
  const legs: OriginLeg[] = []
  const create = (provider: ProviderSettings, state: ProviderState): Provider => {
    const leg = openOrigin(provider.origin, deps.rootsWith(provider.caPem), deps.dial)
    legs.push(leg)
    const siblings = provider.siblings.map(one => {
      const sibling = siblingAt(provider, one)
      const isOther = provider.bedrock !== undefined
      const known = isOther ? createState(sibling, deps) : state
      return [one.host, create(sibling, known)] as const
    })
    const send = dumpedSend(
      request =>
        leg.send({
          ...request,
          firstByteTimeoutMs: deps.limits.firstByteTimeoutMs,
          idleTimeoutMs: deps.limits.streamIdleTimeoutMs,
          faults: FAULTS,
        }),
      deps.dumps,
      { ...deps, provider: provider.name },
    )
    return {
      settings: provider,
      type: typeOf(provider),
      ...state,
      send:
        provider.bedrock === undefined
          ? send
          : bedrockSend(provider, provider.bedrock, { ...deps, send }),
      siblings: new Map(siblings),
    }
  }
  const byName = new Map(
    settings.map(provider => [provider.name, create(provider, createState(provider, deps))]),
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
      for (const leg of legs) leg.retire()
    },
    [Symbol.dispose]() {
      for (const leg of legs) leg[Symbol.dispose]()
    },
  }
}

function createState({ name, keys }: ProviderSettings, deps: ProviderDeps): ProviderState {
  return {
    breaker: new Breaker({ ...deps, provider: name, settings: deps.breaker }),
    keys: new KeyPool({ ...deps, provider: name, keys }),
  }
}

/** The same at another of its hosts. What Bedrock has no form for goes there without keys of ours. */
export function siblingAt(
  provider: ProviderSettings,
  { origin, basePath }: Sibling,
): ProviderSettings {
  const sibling = { ...provider, origin, basePath, siblings: [] }
  return provider.bedrock === undefined ? sibling : { ...sibling, keys: [], bedrock: undefined }
}

function bedrockSend(
  { basePath, keys: names }: ProviderSettings,
  settings: BedrockSettings,
  deps: { readonly translator: Translator; readonly send: Send },
): Send {
  const signers = names.map(name => {
    const keys = settings.keys.find(({ id }) => id === name)
    return [name, createSign('bedrock', settings.region, awsCredentials(keys))] as const
  })
  return createBedrockSend({ ...deps, settings, basePath, signers: new Map(signers) })
}

/** The registry's object for a configured type. */
export function typeOf({ type, name, bedrock: aws }: ProviderSettings): ProviderType {
  if (aws !== undefined) return bedrock
  const found = PROVIDER_TYPES.find(known => known.type === type)
  if (found === undefined) throw new Error(`provider "${name}" has the unknown type "${type}"`)
  return found
}
