import type { Settings } from '../config/settings.ts'
import { isLoopbackListener } from '../config/types/listen-address.ts'
import type { Failures } from '../kernel/failures.ts'
import type { Authenticate, Caller, ClientCertificate } from '../kernel/flow.ts'
import { createAuthenticate, slowFailures } from '../proxy/auth.ts'
import type { Callers } from './callers.ts'

/** Who is calling; the same for the proxy and for base-URL routes. */
export function createGate(
  { callers, failures }: { readonly callers: Callers; readonly failures: Failures },
  mode: 'required' | 'off',
  certified?: (certificate: ClientCertificate) => Caller | undefined,
): Authenticate {
  const authenticate = createAuthenticate({
    mode,
    lookup: callers.authenticate,
    ...(certified === undefined ? {} : { certified }),
  })
  return slowFailures(authenticate, failures)
}

/** SECURITY: authentication may be switched off on loopback only, for each listener. */
export function apiAuth({ proxy, api }: Settings): 'required' | 'off' {
  return isLoopbackListener(api.listen) ? proxy.auth : 'required'
}
