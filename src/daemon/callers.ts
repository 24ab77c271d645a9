import type { Clock } from '../kernel/clock.ts'
import type { Identity } from '../kernel/flow.ts'
import type { Live } from '../kernel/live.ts'
import { RemoteTokens } from '../record/remote-tokens.ts'
import type { Store } from '../record/store.ts'
import type { Snapshot } from './snapshot.ts'

/** Who may call: those whom this daemon knows and, in remote mode, the deployment's users. */
export interface Callers {
  /** @throws Refusal `auth_unavailable` */
  readonly authenticate: (token: string) => Promise<Identity | undefined>
  /** The same from memory, for connections that live on. */
  readonly isActive: (token: string) => boolean
}

/** The deployment is asked about no token that this daemon knows, nor while its own bridge is on. */
export function createCallers(
  store: Pick<Store, 'authenticate' | 'isActive'>,
  live: Live<Pick<Snapshot, 'deployment'>>,
  clock: Clock,
): Callers {
  const remote = new RemoteTokens(
    async (token, signal) => await live.current.deployment?.whoIs(token, signal),
    clock,
  )
  const isRemote = (): boolean => live.current.deployment !== undefined
  return {
    async authenticate(token) {
      const own = await store.authenticate(token)
      return own === undefined && isRemote() ? await remote.authenticate(token) : own
    },
    isActive: token => store.isActive(token) || (isRemote() && remote.isActive(token)),
  }
}
