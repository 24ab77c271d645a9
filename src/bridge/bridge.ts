import type { Duplex } from 'node:stream'
import type { Clock } from '../kernel/clock.ts'
import { Refusal } from '../kernel/error.ts'
import type { Call, Emit, Handle, Reply } from '../kernel/flow.ts'
import { hasBody } from '../kernel/framing.ts'
import type { SharedMemory } from '../kernel/memory.ts'
import type { Price } from '../kernel/price.ts'
import type { ActorSettings } from '../kernel/provider.ts'
import type { Rule } from '../kernel/rule.ts'
import { hostText } from '../kernel/target.ts'
import { actorOf } from './actor.ts'
import type { Hold } from './body/held-body.ts'
import { type Books, intentOf } from './books.ts'
import { protect } from './breaker/protect.ts'
import { CallEvents } from './call-events.ts'
import { type Credential, chooseCredential } from './credentials.ts'
import { deliver } from './deliver.ts'
import { answerFailure, type GateConfig, passGates } from './gates.ts'
import { replayMemory } from './keys/replay-body.ts'
import { describeCall, type KnownCall } from './known-call.ts'
import { type LimitSettings, limitsOf } from './limits/call-limits.ts'
import { CallSlots } from './limits/call-slots.ts'
import { observeCall } from './observe-call.ts'
import { observeRetrieval } from './observe-retrieval.ts'
import { withoutQuery } from './path.ts'
import type { Provider } from './provider.ts'
import { isReading, type Route, route } from './route.ts'
import type { CallTap } from './tap/call-tap.ts'
import type { Taps } from './tap/taps.ts'
import type { Message } from './tools/parts.ts'
import { recordParts } from './tools/record-parts.ts'
import type { Toolbox } from './tools/toolbox.ts'
import { withTools } from './tools/with-tools.ts'

interface BridgeConfig extends LimitSettings, GateConfig {
  readonly providers: ReadonlyMap<string, Provider>
  readonly allowByok: boolean
  readonly actor: ActorSettings
  readonly passthrough: 'all' | 'listed'
  /** The operator's own, which beat the built-in ones. */
  readonly prices: readonly Price[]
  /** Tools of other servers that models are offered; undefined where nothing is injected. */
  readonly toolbox: Toolbox | undefined
}

export interface BridgeDeps {
  /** Asked once a call: a call keeps the configuration it began with. */
  readonly config: () => BridgeConfig
  readonly emit: Emit
  readonly clock: Clock
  readonly books: Books
  /** What bodies take that are held until they are whole. */
  readonly held: SharedMemory
  readonly taps: Pick<Taps, 'open' | 'openWebSocket'>
}

/**
 * The embedded bridge. What a client or a provider does wrong becomes an answer
 * in the provider's own dialect. Rejects with Refusal `provider_gone` when a
 * reload has taken the provider away under an open connection.
 */
export function createBridge(deps: BridgeDeps): Handle {
  const slots = new CallSlots(deps.clock)
  const replays = replayMemory()
  return async call => {
    const config = deps.config()
    const found = config.providers.get(call.provider)
    if (found === undefined) throw new Refusal('provider_gone', call.provider)
    const provider = originFor(found, call)
    const { type, settings } = provider
    const target = route(call.path, call.method, {
      type,
      basePath: settings.basePath,
      passthrough: config.passthrough,
      ownHost: call.host === hostText(settings.origin.target.host),
      reads: isReading(call),
    })
    const credential = credentialFor(call, provider, target, config)
    const known = describeCall(call, provider, { target, credential })
    const events = new CallEvents(
      { ...deps, finish: ended => deps.books.finish(ended) },
      call,
      known,
    )
    try {
      const passed = passGates(call, { target, credential }, events, { ...deps, slots, ...config })
      const limits = limitsOf(call.caller.identity, known, { ...config, type, now: events.at })
      const spent = new AbortController()
      // Record before act: without a row no byte goes out.
      await deps.books.begin(intentOf(call, known, events.at), limits, () => spent.abort())
      const admitted = await passed.admitModel()
      return await forward({ ...deps, replays }, admitted, provider, {
        ...passed,
        events,
        known,
        config,
        spent: spent.signal,
        isCharged: limits.charges.length > 0,
      })
    } catch (error) {
      return answerFailure(error, call, type, { events, now: deps.clock.now() })
    }
  }
}

function credentialFor(
  call: Call,
  { type, keys }: Provider,
  target: Route,
  { allowByok }: BridgeConfig,
): Credential {
  if (target.kind === 'refuse') return target
  return chooseCredential(call.headers, {
    type,
    key: keys.order(false)[0],
    callerToken: call.caller.token,
    allowByok: allowByok && type.translated?.includes(target.label) !== true,
    path: call.path,
    listed: target.listed,
  })
}

/** The provider at the host that was called, but for what is translated for the one origin. */
function originFor(provider: Provider, { host, path }: Call): Provider {
  const isTranslated = provider.type.translated?.includes(withoutQuery(path)) === true
  return (isTranslated ? undefined : provider.siblings.get(host)) ?? provider
}

interface Ready {
  readonly target: Exclude<Route, { kind: 'refuse' }>
  readonly credential: Exclude<Credential, { kind: 'refuse' }>
  readonly hold: Hold
  readonly events: CallEvents
  readonly known: KnownCall
  readonly config: BridgeConfig
  /** Those about the caller. */
  readonly rules: readonly Rule[]
  /** Aborts when an answer has used up a budget. */
  readonly spent: AbortSignal
  /** It is paid from budgets. */
  readonly isCharged: boolean
}

async function forward(
  deps: BridgeDeps & { readonly replays: SharedMemory },
  call: Call,
  provider: Provider,
  { target, credential, hold, events, known, config, rules, spent, isCharged }: Ready,
): Promise<Reply> {
  const { observed, read } = readersOf(deps, call, target, {
    ...config,
    known,
    rules,
    at: events.at,
  })
  const body = !call.upgrade && hasBody(call.headers) ? call.body : undefined
  const tap = call.upgrade || read === undefined ? undefined : deps.taps.open(read)
  const { user } = call.caller.identity
  const actor = actorOf(config.actor, { user, isBridged: target.kind === 'bridged' })
  const send = async (message: Message): Promise<Reply> => {
    const outgoing = { ...call, headers: message.headers }
    const parcel = { path: target.path, credential, body: message.body, actor }
    const act = () => deliver({ ...deps, hold, watch: events }, outgoing, provider, parcel)
    if (!target.listed) return await act()
    return await protect(provider.breaker.enter(target.label, user), { ...message, call }, act)
  }
  events.sending(body, tap)
  const message = { headers: call.headers, body }
  const { toolbox } = config
  const reply =
    toolbox === undefined || observed === undefined || call.upgrade
      ? await send(message)
      : await withTools(send, {
          ...observed,
          type: provider.type,
          toolbox,
          hold,
          signal: call.signal,
          parts: recordParts(deps, call, { events, observed }),
        })(message)
  if (reply.kind === 'response') {
    events.answered(reply)
    return reply
  }
  const messages = observed && deps.taps.openWebSocket({ ...observed, headers: reply.headers })
  events.upgraded(reply, messages)
  if (isCharged) endUnpaid(reply.socket, spent, messages)
  if (messages === undefined) return reply
  return { ...reply, onClientData: chunk => messages.request.observe(chunk) }
}

/** Who reads what a call carries: about itself, or about an earlier one that it asks for. */
function readersOf(
  deps: BridgeDeps,
  call: Call,
  { kind, format, path }: Ready['target'],
  context: Omit<Parameters<typeof observeCall>[2], 'format' | 'path'>,
) {
  if (format === undefined) return {}
  const asked = { ...context, format, path }
  if (kind === 'passthrough') return { read: observeRetrieval(deps, call, asked) }
  const observed = observeCall(deps, call, asked)
  return { observed, read: observed }
}

/** A WebSocket would go on for ever; the next connection is told why there is none. */
function endUnpaid(socket: Duplex, spent: AbortSignal, messages: CallTap | undefined): void {
  const end = (): void => void socket.destroy()
  spent.addEventListener('abort', end, { once: true })
  // SECURITY: what nobody counts any more is not to go on at the operator's cost.
  void messages?.blinded.then(end)
}
