import type { ActorSettings } from '../kernel/provider.ts'
import { userId } from '../kernel/user.ts'

/** What a provider is told of the caller, and the headers that only we may send. */
export interface Actor {
  /** In lower case. */
  readonly names: ReadonlySet<string>
  /** Name, value, name, value. */
  readonly headers: readonly string[]
}

/** The caller as the provider may know them: only where that is switched on, and for bridged calls. */
export function actorOf(
  { send, idHeader, usernameHeader }: ActorSettings,
  { user, isBridged }: { readonly user: string; readonly isBridged: boolean },
): Actor {
  return {
    names: new Set([idHeader.toLowerCase(), usernameHeader.toLowerCase()]),
    headers: send && isBridged ? [idHeader, userId(user), usernameHeader, headerText(user)] : [],
  }
}

/** Names of a deployment's users may be anything; in a header they are escaped like a URL's part. */
function headerText(name: string): string {
  return /^[\x21-\x7e]+$/.test(name) ? name : encodeURIComponent(name.toWellFormed())
}
