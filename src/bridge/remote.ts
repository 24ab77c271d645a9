import type { LoopMark } from '../egress/loop.ts'
import type { Clock } from '../kernel/clock.ts'
import { Refusal } from '../kernel/error.ts'
import type { Call, Emit, Reply } from '../kernel/flow.ts'
import { hasBody } from '../kernel/framing.ts'
import { filterHeaders, headerValues } from '../kernel/headers.ts'
import type { SharedMemory } from '../kernel/memory.ts'
import type { Secret } from '../kernel/secret.ts'
import { hostText, type Origin } from '../kernel/target.ts'
import type { Hold } from './body/held-body.ts'
import { CallEvents } from './call-events.ts'
import { type Credential, chooseCredential } from './credentials.ts'
import { answerFailure, type GateConfig, passGates } from './gates.ts'
import { providerHeaders, providerPath } from './inject.ts'
import { describeCall } from './known-call.ts'
import { CallSlots } from './limits/call-slots.ts'
import type { Provider } from './provider.ts'
import { coderName } from './providers/copilot-names.ts'
import { isReading, route } from './route.ts'

/** The way to a deployment's bridge. */
export interface RemoteBridge {
  readonly providers: ReadonlyMap<string, Pick<Provider, 'settings' | 'type'>>
  /** Provider name and path are appended. */
  readonly target: { readonly origin: Origin; readonly basePath: string }
  /** Sends a request to the target's origin and nowhere else. */
  readonly send: Provider['send']
}

interface RemoteConfig extends GateConfig {
  readonly bridge: RemoteBridge
  readonly allowByok: boolean
  readonly passthrough: 'all' | 'listed'
}

interface RemoteDeps {
  /** Finds calls that come back from the deployment. */
  readonly loop: Pick<LoopMark, 'chain'>
  readonly emit: Emit
  readonly clock: Clock
  readonly held: SharedMemory
}

/**
 * The bridge of a deployment in place of our own. It records the call, limits
 * it and puts the key in; here the call is only named, handed on and followed.
 * Whatever the deployment answers goes back as it is; what keeps it from
 * answering becomes an error in the provider's dialect. Rejects with Refusal
 * `provider_gone` like the embedded bridge.
 */
export function createRemoteBridge(
  deps: RemoteDeps,
): (call: Call, config: RemoteConfig) => Promise<Reply> {
  const slots = new CallSlots(deps.clock)
  return async (call, config) => {
    const provider = config.bridge.providers.get(call.provider)
    if (provider === undefined) throw new Refusal('provider_gone', call.provider)
    const { type, settings } = provider
    const { token } = call.caller
    // Only for its label and its refusals: the deployment maps the path.
    const target = route(call.path, call.method, {
      type,
      basePath: settings.basePath,
      passthrough: config.passthrough,
      ownHost: call.host === hostText(settings.origin.target.host),
      reads: isReading(call),
    })
    const credential = chooseCredential(call.headers, {
      type,
      // The deployment knows the caller by the token, as a provider knows us by the key.
      key: token,
      callerToken: token,
      allowByok: config.allowByok,
      path: call.path,
      // Which paths its key goes to is the deployment's business; who calls it must always know.
      listed: true,
    })
    const known = withoutTokenHint(describeCall(call, provider, { target, credential }))
    const events = new CallEvents({ ...deps, finish: () => {} }, call, known)
    try {
      const passed = passGates(call, { target, credential }, events, { ...deps, slots, ...config })
      const admitted = await passed.admitModel()
      // SECURITY: two daemons that point at each other would hand one call on for ever.
      const via = deps.loop.chain(headerValues(call.headers, 'via'))
      if (via === undefined) throw new Refusal('bridge_loop')
      return await forward(admitted, config.bridge, { ...passed, provider, events, via })
    } catch (error) {
      return answerFailure(error, call, type, { events, now: deps.clock.now() })
    }
  }
}

interface Ready {
  readonly provider: Pick<Provider, 'settings' | 'type'>
  readonly credential: Exclude<Credential, { kind: 'refuse' }>
  readonly events: CallEvents
  readonly hold: Hold
  /** Of this hop and those before. */
  readonly via: string
}

async function forward(
  call: Call,
  { target, send }: RemoteBridge,
  { provider: { settings, type }, credential, events, hold, via }: Ready,
): Promise<Reply> {
  const callerToken = call.caller.token
  const context = {
    type: { ...type, attach: bearer },
    settings: { ...settings, origin: target.origin },
    credential,
    callerToken,
    method: call.method,
    upgrade: call.upgrade,
  }
  const body = !call.upgrade && hasBody(call.headers) ? call.body : undefined
  const handedOn = filterHeaders(call.headers, name => name !== 'via')
  const headers = providerHeaders(handedOn, context)
  events.sending(body, undefined)
  const reply = await send({
    callId: call.id,
    user: call.caller.identity.user,
    method: call.method,
    path: `${target.basePath}/${coderName(call)}${providerPath(call.path, context)}`,
    headers: [...headers, ...governance(call, credential), 'Via', via],
    body,
    upgrade: call.upgrade,
    inform: call.inform,
    onSent: () => events.sent(),
    hold,
    signal: call.signal,
  })
  if (reply.kind === 'response') events.answered(reply)
  else events.upgraded(reply, undefined)
  return reply
}

function bearer(token: Secret): readonly [name: string, value: string] {
  return ['Authorization', `Bearer ${token.reveal()}`]
}

/**
 * What tells Coder's bridge who calls when the credential is the client's own,
 * and lets both logs be read together. SECURITY: the client's headers of these
 * names are gone by now: it must not choose another identity than its CONNECT.
 */
function governance(call: Call, { kind }: Ready['credential']): readonly string[] {
  const { token } = call.caller
  const caller =
    kind === 'byok' && token !== undefined ? ['X-Coder-AI-Governance-Token', token.reveal()] : []
  return [...caller, 'X-Coder-AI-Governance-Request-Id', call.id]
}

/** The hint is about a provider's key, and the caller's token is none. */
function withoutTokenHint<T extends { credential: string; credentialHint: string | undefined }>(
  known: T,
): T {
  return known.credential === 'centralized' ? { ...known, credentialHint: undefined } : known
}
