import type { BreakerSettings } from '../../kernel/provider.ts'

export type CircuitOptions = Omit<BreakerSettings, 'enabled' | 'failureStatuses'>

/**
 * A circuit breaker over a monotonic clock, in milliseconds: values in, values
 * out. A change of state begins a new epoch: results of calls from before it are void.
 */
export type Circuit =
  | {
      readonly state: 'closed'
      readonly epoch: number
      readonly failures: number
      readonly since: number
    }
  | { readonly state: 'open'; readonly epoch: number; readonly until: number }
  | {
      readonly state: 'half-open'
      readonly epoch: number
      readonly since: number
      readonly admitted: number
      readonly succeeded: number
    }

export type Result = 'success' | 'failure' | 'void'

/** Probes mostly answer soon, and then it is over. */
const PROBING_MS = 1000

export function closedCircuit(now: number): Circuit {
  return { state: 'closed', epoch: 0, failures: 0, since: now }
}

/** Whether a call may pass; if not, how long until one may. */
export function admit(
  circuit: Circuit,
  now: number,
  options: CircuitOptions,
): { readonly circuit: Circuit; readonly waitMs: number | undefined } {
  if (circuit.state === 'closed') return { circuit, waitMs: undefined }
  if (circuit.state === 'open') {
    if (now < circuit.until) return { circuit, waitMs: circuit.until - now }
    return { circuit: probing(circuit.epoch + 1, now), waitMs: undefined }
  }
  if (circuit.admitted < options.maxRequests) {
    return { circuit: { ...circuit, admitted: circuit.admitted + 1 }, waitMs: undefined }
  }
  // Probes that do not come back must not keep everybody out.
  const waitMs = circuit.since + options.timeoutMs - now
  if (waitMs > 0) return { circuit, waitMs: Math.min(waitMs, PROBING_MS) }
  return { circuit: probing(circuit.epoch + 1, now), waitMs: undefined }
}

/** What the result of a call that was admitted in `epoch` makes of its circuit. */
export function settle(
  circuit: Circuit,
  { epoch, result }: { readonly epoch: number; readonly result: Result },
  now: number,
  options: CircuitOptions,
): Circuit {
  if (circuit.epoch !== epoch || circuit.state === 'open') return circuit
  if (circuit.state === 'half-open') return settleProbe(circuit, result, now, options)
  if (result === 'void') return circuit
  if (result === 'success') return { ...circuit, failures: 0, since: now }
  const isOver = now - circuit.since >= options.intervalMs
  const failures = (isOver ? 0 : circuit.failures) + 1
  if (failures >= options.failureThreshold) return opened(circuit.epoch + 1, now, options)
  return { ...circuit, failures, since: isOver ? now : circuit.since }
}

function settleProbe(
  circuit: Extract<Circuit, { state: 'half-open' }>,
  result: Result,
  now: number,
  options: CircuitOptions,
): Circuit {
  if (result === 'failure') return opened(circuit.epoch + 1, now, options)
  // It has said nothing: another call takes its place.
  if (result === 'void') return { ...circuit, admitted: Math.max(0, circuit.admitted - 1) }
  const succeeded = circuit.succeeded + 1
  if (succeeded < options.maxRequests) return { ...circuit, succeeded }
  return { state: 'closed', epoch: circuit.epoch + 1, failures: 0, since: now }
}

function opened(epoch: number, now: number, { timeoutMs }: CircuitOptions): Circuit {
  return { state: 'open', epoch, until: now + timeoutMs }
}

function probing(epoch: number, now: number): Circuit {
  return { state: 'half-open', epoch, since: now, admitted: 1, succeeded: 0 }
}
