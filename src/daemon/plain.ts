import { exchange } from '../egress/exchange.ts'
import type { Reply } from '../kernel/flow.ts'
import type { PlainRequest } from '../proxy/plain.ts'
import type { Snapshot } from './snapshot.ts'

const FAULTS = { timeout: 'connect_timeout', broken: 'connect_failed' } as const

/** Sends an absolute-form request to its judged target, or through the upstream proxy. */
export async function sendPlain(
  { openPlain, settings }: Snapshot,
  { target, caller, ...request }: PlainRequest,
): Promise<Reply & { readonly route: 'direct' | 'upstream' }> {
  const leg = await openPlain({ target, caller }, request.signal)
  const reply = await exchange(outgoing => leg.send(outgoing), {
    ...request,
    upgrade: false,
    inform: undefined,
    firstByteTimeoutMs: settings.limits.firstByteTimeoutMs,
    idleTimeoutMs: settings.limits.streamIdleTimeoutMs,
    faults: FAULTS,
  })
  return { ...reply, route: leg.route }
}
