import { isDeepStrictEqual } from 'node:util'
import type { OidcSettings } from '../config/settings.ts'
import type { Clock } from '../kernel/clock.ts'
import { Refusal } from '../kernel/error.ts'
import type { Holder } from '../kernel/flow.ts'
import type { Live } from '../kernel/live.ts'
import { JwtCallers } from '../proxy/oidc/jwt-callers.ts'
import { RemoteTokens } from '../record/remote-tokens.ts'
import type { Store } from '../record/store.ts'
import type { Foundation, Snapshot } from './snapshot.ts'

/**
 * Who may call: those whom this daemon knows, those for whom the OIDC issuer
 * vouches and, in remote mode, the deployment's users.
 */
export interface Callers {
  /**
   * `via`: the Via values of the request, where another daemon may ask.
   * @throws Refusal `auth_invalid` or `auth_unavailable`
   */
  readonly authenticate: (token: string, via?: readonly string[]) => Promise<Holder | undefined>
  /** Whether a text says of itself that it is a JWT for this daemon to judge. */
  readonly isJwt: (text: string) => boolean
}

/** The deployment is asked about no token that this daemon knows, nor while its own bridge is on. */
export function createCallers(
  store: Pick<Store, 'authenticate'>,
  live: Live<Pick<Snapshot, 'deployment' | 'issuer'>>,
  { clock, loop }: Pick<Foundation, 'clock' | 'loop'>,
): Callers {
  const remote = new RemoteTokens(
    async (token, question) => await live.current.deployment?.whoIs(token, question),
    clock,
  )
  const isRemote = (): boolean => live.current.deployment !== undefined
  const jwts = liveJwtCallers(live, clock)
  return {
    async authenticate(token, via = []) {
      const jwt = jwts()
      if (jwt?.claims(token) === true) {
        return only(await jwt.authenticate(token), () => jwts() === jwt)
      }
      const own = await store.authenticate(token)
      if (own !== undefined || !isRemote()) return own
      // SECURITY: two daemons that ask each other would wait for each other.
      if (loop.seenIn(via)) throw new Refusal('auth_unavailable', 'our own question came back')
      const theirs = await remote.authenticate(token, via)
      return theirs && only(theirs, isRemote)
    },
    isJwt: text => jwts()?.claims(text) === true,
  }
}

/** A reload may take away who vouched for somebody. */
function only({ identity, isValid }: Holder, counts: () => boolean): Holder {
  return { identity, isValid: () => counts() && isValid() }
}

/** What is known of JWTs outlives a reload that leaves the issuer as it is. */
function liveJwtCallers(
  live: Live<Pick<Snapshot, 'issuer'>>,
  clock: Clock,
): () => JwtCallers | undefined {
  const fetchKeys = async (signal: AbortSignal) => {
    const { issuer } = live.current
    if (issuer === undefined) throw new Refusal('auth_unavailable', 'there is no issuer any more')
    return await issuer.fetchKeys(signal)
  }
  let known: { readonly settings: OidcSettings; readonly callers: JwtCallers } | undefined
  return () => {
    const settings = live.current.issuer?.settings
    if (settings === undefined) return undefined
    if (known?.settings !== settings) {
      const isSame = isDeepStrictEqual(known?.settings, settings)
      const callers = isSame ? known?.callers : undefined
      known = { settings, callers: callers ?? new JwtCallers(settings, fetchKeys, clock) }
    }
    return known.callers
  }
}
