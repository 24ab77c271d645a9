import type { CallEnded } from '../kernel/event.ts'
import type { Call } from '../kernel/flow.ts'
import { detectClient } from './client.ts'
import type { Credential } from './credentials.ts'
import type { Provider } from './provider.ts'
import type { Route } from './route.ts'

/** What is known of a call from its head alone. */
export type KnownCall = Pick<
  CallEnded,
  | 'provider'
  | 'providerType'
  | 'kind'
  | 'protocol'
  | 'route'
  | 'client'
  | 'credential'
  | 'credentialHint'
  | 'billing'
>

/** What is known of a call before it goes out. */
export function describeCall(
  call: Call,
  { settings }: Pick<Provider, 'settings'>,
  { target, credential }: { target: Route; credential: Credential },
): KnownCall {
  const kind = target.kind === 'refuse' ? 'passthrough' : target.kind
  return {
    provider: settings.name,
    providerType: settings.type,
    kind: call.upgrade && kind === 'bridged' ? 'websocket' : kind,
    protocol: call.upgrade ? 'websocket' : call.protocol,
    route: target.kind === 'refuse' ? 'other' : target.label,
    client: detectClient(call.headers),
    credential: credential.kind === 'refuse' ? 'none' : credential.kind,
    credentialHint: 'hint' in credential ? credential.hint : undefined,
    billing: 'billing' in credential ? credential.billing : undefined,
  }
}
