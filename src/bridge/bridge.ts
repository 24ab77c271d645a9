import type { Readable } from 'node:stream'
import type { Clock } from '../kernel/clock.ts'
import { Refusal } from '../kernel/error.ts'
import type { Call, Emit, Handle, Reply } from '../kernel/flow.ts'
import { hasBody } from '../kernel/framing.ts'
import type { RawHeaders } from '../kernel/headers.ts'
import type { ProviderSettings, ProviderType } from '../kernel/provider.ts'
import { REASONS } from '../kernel/reasons.ts'
import { CallEvents } from './call-events.ts'
import { detectClient } from './client.ts'
import { type Credential, chooseCredential } from './credentials.ts'
import { errorReply } from './error-reply.ts'
import { providerHeaders } from './inject.ts'
import { type Route, route } from './route.ts'

/** A provider that is ready to be called. */
export interface Provider {
  readonly settings: ProviderSettings
  readonly type: ProviderType
  /** Sends a request to this provider's origin and nowhere else. */
  readonly send: (request: UpstreamRequest) => Promise<Reply>
}

interface UpstreamRequest {
  readonly method: string
  readonly path: string
  readonly headers: RawHeaders
  readonly body: (Readable & { readonly rawTrailers?: RawHeaders }) | undefined
  readonly upgrade: boolean
  readonly inform: Call['inform']
  readonly signal: AbortSignal
}

interface BridgeConfig {
  readonly providers: ReadonlyMap<string, Provider>
  readonly allowByok: boolean
  readonly passthrough: 'all' | 'listed'
}

export interface BridgeDeps {
  /** Asked once a call: a call keeps the configuration it began with. */
  readonly config: () => BridgeConfig
  readonly emit: Emit
  readonly clock: Clock
}

/**
 * The embedded bridge. What a client or a provider does wrong becomes an answer
 * in the provider's own dialect. Rejects with Refusal `provider_gone` when a
 * reload has taken the provider away under an open connection.
 */
export function createBridge(deps: BridgeDeps): Handle {
  return async call => {
    const config = deps.config()
    const provider = config.providers.get(call.provider)
    if (provider === undefined) throw new Refusal('provider_gone', call.provider)
    const { type, settings } = provider
    const target = route(call.path, {
      type,
      basePath: settings.basePath,
      passthrough: config.passthrough,
    })
    const credential: Credential =
      target.kind === 'refuse'
        ? target
        : chooseCredential(call.headers, {
            type,
            settings,
            callerToken: call.caller.token,
            allowByok: config.allowByok,
            listed: target.listed,
          })
    const events = new CallEvents(deps, call, describeCall(call, provider, { target, credential }))
    try {
      if (target.kind === 'refuse') throw new Refusal(target.reason)
      if (credential.kind === 'refuse') throw new Refusal(credential.reason)
      return await forward(call, provider, { target, credential, events })
    } catch (error) {
      const refusal =
        error instanceof Refusal ? error : new Refusal('internal', undefined, { cause: error })
      const { status } = REASONS[refusal.reason]
      events.refused(refusal, status)
      return errorReply(type, refusal.reason)
    }
  }
}

interface Ready {
  readonly target: Exclude<Route, { kind: 'refuse' }>
  readonly credential: Exclude<Credential, { kind: 'refuse' }>
  readonly events: CallEvents
}

async function forward(call: Call, provider: Provider, ready: Ready): Promise<Reply> {
  const { target, credential, events } = ready
  const body = !call.upgrade && hasBody(call.headers) ? call.body : undefined
  const headers = providerHeaders(call.headers, {
    type: provider.type,
    settings: provider.settings,
    credential,
    callerToken: call.caller.token,
    method: call.method,
    upgrade: call.upgrade,
  })
  events.sending(body)
  const reply = await provider.send({
    method: call.method,
    path: target.path,
    headers,
    body,
    upgrade: call.upgrade,
    inform: call.inform,
    signal: call.signal,
  })
  events.answered(reply)
  return reply
}

function describeCall(
  call: Call,
  { settings, type }: Provider,
  { target, credential }: { target: Route; credential: Credential },
): ConstructorParameters<typeof CallEvents>[2] {
  const kind = target.kind === 'refuse' ? 'passthrough' : target.kind
  return {
    provider: settings.name,
    providerType: type.type,
    kind: call.upgrade && kind === 'bridged' ? 'websocket' : kind,
    route: target.kind === 'refuse' ? 'other' : target.label,
    client: detectClient(call.headers),
    credential: credential.kind === 'refuse' ? 'none' : credential.kind,
    credentialHint: 'hint' in credential ? credential.hint : undefined,
  }
}
