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

export interface UpstreamRequest {
  readonly method: string
  readonly path: string
  readonly headers: RawHeaders
  readonly body: (Readable & { readonly rawTrailers?: RawHeaders }) | undefined
  readonly upgrade: boolean
  readonly inform: Call['inform']
  readonly signal: AbortSignal
}

export interface BridgeDeps {
  readonly provider: (name: string) => Provider | undefined
  readonly policy: () => { readonly allowByok: boolean; readonly passthrough: 'all' | 'listed' }
  readonly emit: Emit
  readonly clock: Clock
}

/**
 * The embedded bridge. Never rejects for what a client or a provider does:
 * every failure is an answer in the provider's own dialect.
 */
export function createBridge(deps: BridgeDeps): Handle {
  return async call => {
    const provider = deps.provider(call.provider)
    if (provider === undefined) throw new Refusal('internal', `no provider "${call.provider}"`)
    const { type, settings } = provider
    const policy = deps.policy()
    const target = route(call.path, {
      type,
      basePath: settings.basePath,
      passthrough: policy.passthrough,
    })
    const credential: Credential =
      target.kind === 'refuse'
        ? target
        : chooseCredential(call.headers, {
            type,
            settings,
            callerToken: call.caller.token,
            allowByok: policy.allowByok,
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
