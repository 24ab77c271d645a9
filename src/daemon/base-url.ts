import type { BaseUrlDeps } from '../admin/base-url/deps.ts'
import { errorReply } from '../bridge/error-reply.ts'
import { fromCoderName } from '../bridge/providers/copilot-names.ts'
import type { Authenticate, Handle } from '../kernel/flow.ts'
import type { Live } from '../kernel/live.ts'
import type { Strangers } from '../kernel/strangers.ts'
import type { Sessions } from '../proxy/sessions.ts'
import type { Foundation, Snapshot } from './snapshot.ts'

interface Stages {
  readonly authenticate: Authenticate
  readonly isJwt: (text: string) => boolean
  readonly handle: Handle
  readonly sessions: Sessions
  readonly strangers: Strangers
}

/** The base-URL routes, with the gates and the bridge that the proxy has. */
export function createBaseUrl(
  live: Live<Snapshot>,
  { clock, emit }: Foundation,
  { authenticate, isJwt, handle, sessions, strangers }: Stages,
): BaseUrlDeps {
  const served = () => live.current.deployment?.providers ?? live.current.providers.byName
  const isServed = (name: string): boolean => served().has(name)
  return {
    authenticate,
    isJwt,
    handle: call => handle(isServed(call.provider) ? call : fromCoderName(call)),
    sessions,
    strangers,
    refuse: (name, refusal, upgrade) => {
      const { provider } = fromCoderName({ provider: name, host: '' })
      const type = (served().get(name) ?? served().get(provider))?.type
      return type === undefined
        ? undefined
        : errorReply(type, refusal, { upgrade, now: clock.now() })
    },
    emit,
    tunnelIdleMs: () => live.current.settings.limits.tunnelIdleTimeoutMs,
  }
}
