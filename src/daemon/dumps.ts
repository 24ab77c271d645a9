import type { Send } from '../bridge/provider.ts'
import type { Settings } from '../config/settings.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Handle } from '../kernel/flow.ts'
import { hasBody } from '../kernel/framing.ts'
import { DumpDirectory } from '../record/dumps/dump-directory.ts'
import { dumpExchange } from '../record/dumps/dump-exchange.ts'

/** Where exchanges are written for whoever looks for a fault; undefined where they are not. */
export interface Dumps {
  /** What clients send and get. */
  readonly calls: DumpDirectory | undefined
  /** What goes to providers and comes from them. */
  readonly provider: DumpDirectory | undefined
}

/** @throws ConfigurationError for a directory that cannot be used */
export function openDumps(
  { proxy, bridge }: Settings,
  warn: (problem: string, message: string) => void,
): Dumps {
  const providers = bridge.providers.map(({ name }) => name)
  const open = (option: string, path: string | undefined): DumpDirectory | undefined =>
    path === undefined
      ? undefined
      : new DumpDirectory(path, {
          option,
          providers,
          warn: problem => warn(problem, `not everything is dumped into ${path}`),
        })
  return {
    calls: open('CODER_AIBRIDGE_PROXY_DUMP_DIR', proxy.dumpDir),
    provider: open('CODER_AIBRIDGE_DUMP_DIR', bridge.dumpDir),
  }
}

/** The same way to a provider, with everything that goes it written down. */
export function dumpedSend(
  send: Send,
  directory: DumpDirectory | undefined,
  { provider, clock }: { readonly provider: string; readonly clock: Clock },
): Send {
  if (directory === undefined) return send
  return request =>
    dumpExchange(directory, { clock, provider, callId: request.callId }, request, () =>
      send(request),
    )
}

/** The same bridge, with the calls that come to it written down while that is asked for. */
export function dumpedHandle(
  handle: Handle,
  directory: () => DumpDirectory | undefined,
  clock: Clock,
): Handle {
  return call => {
    const into = directory()
    if (into === undefined) return handle(call)
    const { id: callId, provider } = call
    const body = !call.upgrade && hasBody(call.headers) ? call.body : undefined
    return dumpExchange(into, { clock, provider, callId }, { ...call, body }, () => handle(call))
  }
}
