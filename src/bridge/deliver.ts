import type { Clock } from '../kernel/clock.ts'
import type { Call, Reply } from '../kernel/flow.ts'
import type { SharedMemory } from '../kernel/memory.ts'
import type { Actor } from './actor.ts'
import type { Hold } from './body/held-body.ts'
import type { Credential } from './credentials.ts'
import { providerHeaders, providerPath } from './inject.ts'
import { type KeyWatch, tryKeys } from './keys/attempts.ts'
import type { Provider, UpstreamRequest } from './provider.ts'

interface Parcel {
  /** At the provider. */
  readonly path: string
  readonly credential: Exclude<Credential, { kind: 'refuse' }>
  readonly body: UpstreamRequest['body']
  readonly actor: Actor
}

interface DeliverDeps {
  readonly clock: Clock
  readonly watch: KeyWatch & { sent(): void }
  /** What bodies hold that may have to be sent again. */
  readonly replays: SharedMemory
  readonly hold: Hold
}

/** Sends a call with its credential; with the central ones, until one of them is taken. */
export async function deliver(
  { clock, watch, replays, hold }: DeliverDeps,
  call: Call,
  provider: Provider,
  { path, credential, body, actor }: Parcel,
): Promise<Reply> {
  const { user } = call.caller.identity
  const send = (
    used: Parcel['credential'],
    attempt: Pick<UpstreamRequest, 'body' | 'inform'>,
  ): Promise<Reply> => {
    const context = {
      type: provider.type,
      settings: provider.settings,
      credential: used,
      callerToken: call.caller.token,
      method: call.method,
      upgrade: call.upgrade,
      actor,
    }
    return provider.send({
      callId: call.id,
      user,
      method: call.method,
      path: providerPath(path, context),
      headers: providerHeaders(call.headers, context),
      upgrade: call.upgrade,
      key: used.kind === 'centralized' ? used.key : undefined,
      onSent: () => watch.sent(),
      hold,
      signal: call.signal,
      ...attempt,
    })
  }
  if (credential.kind !== 'centralized') {
    return await send(credential, { body, inform: call.inform })
  }
  return await tryKeys({
    call,
    pool: provider.keys,
    body,
    clock,
    watch,
    replays: replays.of(user),
    send: (key, attempt) => send({ ...credential, key }, attempt),
  })
}
