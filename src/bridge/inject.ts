import { namesDaemon } from '../egress/loop.ts'
import { framingAnew } from '../kernel/framing.ts'
import {
  CREDENTIAL_HEADERS,
  filterHeaders,
  isForUs,
  type RawHeaders,
  stripHopByHop,
} from '../kernel/headers.ts'
import type { ProviderSettings, ProviderType } from '../kernel/provider.ts'
import type { Secret } from '../kernel/secret.ts'
import { hostHeader } from '../kernel/target.ts'
import type { Actor } from './actor.ts'
import { type Credential, holdsToken, isOurs } from './credentials.ts'
import { withoutQueryKeys } from './query-key.ts'
import { withoutSubprotocolKeys } from './subprotocol-key.ts'

/** What goes to no provider. */
const NEVER: ReadonlySet<string> = new Set([
  // Per connection, or answered by us; Node asks for 100 Continue by itself.
  'host',
  'expect',
  'http2-settings',
  // SECURITY: what gateways take for another method or path than those that were
  // judged: rules for callers, and where a central key may go, hang on them.
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-original-url',
  'x-rewrite-url',
])
/**
 * What says whose account a call is for. Beside the central key it would choose
 * another payer, or be a second credential.
 */
const ACCOUNT: ReadonlySet<string> = new Set([
  'cookie',
  'openai-organization',
  'openai-project',
  'x-goog-user-project',
])

interface InjectContext {
  readonly type: ProviderType
  readonly settings: ProviderSettings
  readonly credential: Exclude<Credential, { kind: 'refuse' }>
  readonly callerToken: Secret | undefined
  readonly method: string
  readonly upgrade: boolean
  readonly actor?: Actor
}

/**
 * The headers of the request to the provider: strip, then add. Everything that
 * belongs to the client's connection or could be a credential goes out first;
 * our Host, framing and key go in last, so that nothing of the client's can
 * stand in their place. The rest keeps its order, case and duplicates.
 */
export function providerHeaders(headers: RawHeaders, context: InjectContext): string[] {
  const { credential, callerToken } = context
  const theirs = withoutSubprotocolKeys(stripHopByHop(headers), key => isLeftOut(key, context))
  const kept = filterHeaders(theirs, (name, value) => {
    // SECURITY: nothing follows an upgrade; a length would announce the bytes of
    // whoever gets the connection next as a body.
    if (context.upgrade && name === 'content-length') return false
    // SECURITY: a token of ours must not reach a provider, in whatever header.
    if (NEVER.has(name) || isForUs(name) || holdsToken(value, callerToken)) return false
    // What finds loops among daemons is no business of a provider's.
    if (name === 'via' && namesDaemon(value)) return false
    // SECURITY: nobody calls in another's name.
    if (context.actor?.names.has(name) === true) return false
    if (credential.kind === 'centralized' && ACCOUNT.has(name)) return false
    if (!CREDENTIAL_HEADERS.has(name)) return true
    return !isLeftOut(value, context)
  })
  return [
    'Host',
    hostHeader(context.settings.origin),
    ...kept,
    ...(context.actor?.headers ?? []),
    ...framing(headers, context),
    ...(credential.kind === 'centralized' ? context.type.attach(credential.key) : []),
  ]
}

/** The path to the provider; keys in its query go by the same rule as headers. */
export function providerPath(
  path: string,
  context: Pick<InjectContext, 'type' | 'credential' | 'callerToken'>,
): string {
  return withoutQueryKeys(path, context.type, key => isLeftOut(key, context))
}

function isLeftOut(
  key: string,
  { credential, callerToken }: Pick<InjectContext, 'credential' | 'callerToken'>,
): boolean {
  return credential.kind !== 'byok' || isOurs(key, callerToken)
}

/** Framing is per hop, but an upgrade has none. */
function framing(headers: RawHeaders, { method, upgrade }: InjectContext): string[] {
  return upgrade ? ['Connection', 'Upgrade', 'Upgrade', 'websocket'] : framingAnew(method, headers)
}
