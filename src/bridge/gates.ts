import type { CallerPolicy } from '../kernel/budget.ts'
import { asRefusal, Refusal } from '../kernel/error.ts'
import type { Call, Emit, Reply } from '../kernel/flow.ts'
import type { SharedMemory } from '../kernel/memory.ts'
import type { ProviderType } from '../kernel/provider.ts'
import { REASONS } from '../kernel/reasons.ts'
import { type Rule, rulesAbout } from '../kernel/rule.ts'
import { type Hold, holdFor } from './body/held-body.ts'
import type { CallEvents } from './call-events.ts'
import type { Credential } from './credentials.ts'
import { errorReply } from './error-reply.ts'
import type { CallSlots } from './limits/call-slots.ts'
import { admitHead, admitModel } from './model/model-gate.ts'
import type { Route } from './route.ts'

/** What the configuration of either bridge says of every call. */
export interface GateConfig {
  readonly policy: CallerPolicy
  /** Calls in flight at once; 0 is unlimited. */
  readonly maxConcurrency: number
  readonly bodyIdleTimeoutMs: number
}

interface GateDeps {
  readonly emit: Emit
  /** What bodies take that are held until they are whole. */
  readonly held: SharedMemory
  readonly slots: CallSlots
}

interface Passed {
  readonly target: Exclude<Route, { kind: 'refuse' }>
  readonly credential: Exclude<Credential, { kind: 'refuse' }>
  /** Of the policy file, about this caller. */
  readonly rules: readonly Rule[]
  readonly hold: Hold
  /** The last gate, for what rules say of models; it may have to wait for the body. */
  readonly admitModel: () => Promise<Call>
}

/**
 * The gates of a call in their order, whichever bridge it goes to: another
 * bridge must not be a way around. What a call takes there it holds to its end.
 * @throws Refusal
 */
export function passGates(
  call: Call,
  { target, credential }: { readonly target: Route; readonly credential: Credential },
  events: CallEvents,
  { emit, held, slots, ...config }: GateDeps & GateConfig,
): Passed {
  if (!call.caller.isValid()) throw new Refusal('token_revoked')
  if (target.kind === 'refuse') throw new Refusal(target.reason)
  if (credential.kind === 'refuse') throw new Refusal(credential.reason)
  const { identity } = call.caller
  const rules = rulesAbout(identity, config.policy)
  admitHead(call, rules, emit)
  events.holds(slots.take(config.maxConcurrency, identity.user))
  const hold = holdFor({ memory: held, user: identity.user, idleMs: config.bodyIdleTimeoutMs })
  const keep = (part: Disposable): void => events.holds(part)
  return {
    target,
    credential,
    rules,
    hold,
    admitModel: () => admitModel(call, rules, { hold, keep }),
  }
}

/** What a call that failed is answered with; `events` hear why. */
export function answerFailure(
  error: unknown,
  call: Call,
  type: ProviderType,
  { events, now }: { readonly events: CallEvents; readonly now: number },
): Reply {
  const refusal = asRefusal(error)
  events.refused(refusal, REASONS[refusal.reason].status)
  return errorReply(type, refusal, { upgrade: call.upgrade, now })
}
