import { TAP_LIMITS, type TapLimits } from '../../../src/bridge/tap/limits.ts'
import type { Observations } from '../../../src/bridge/tap/observations.ts'
import type { Finding, Operation } from '../../../src/bridge/tap/protocol.ts'
import { Taps, type TapsOptions } from '../../../src/bridge/tap/taps.ts'
import type { RequestFacts, ResponseFacts } from '../../../src/kernel/usage.ts'

/** A clock that stands still unless it is moved. */
export function handClock(): { now(): number; monotonic(): number; move(ms: number): void } {
  let at = 1_000_000
  return {
    now: () => at,
    monotonic: () => at,
    move: ms => {
      at += ms
    },
  }
}

export function startTaps(
  rest: Partial<TapsOptions> & { bounds?: Partial<TapLimits> } = {},
): Taps & { readonly problems: string[] } {
  const problems: string[] = []
  const { bounds, ...options } = rest
  const taps = new Taps({
    clock: handClock(),
    onProblem: problem => problems.push(problem),
    limits: { ...TAP_LIMITS, ...bounds },
    ...options,
  })
  return Object.assign(taps, { problems })
}

export interface Seen {
  readonly requests: RequestFacts[]
  readonly responses: ResponseFacts[]
}

/** Handlers that keep what they are told. */
export function keep(): Seen & {
  onRequest(facts: RequestFacts): void
  onResponse(facts: ResponseFacts): void
} {
  const requests: RequestFacts[] = []
  const responses: ResponseFacts[] = []
  return {
    requests,
    responses,
    onRequest: facts => void requests.push(facts),
    onResponse: facts => void responses.push(facts),
  }
}

/** Applies operations to the bytes that they are cut from; what was found out. */
export function applyAll(
  observations: Observations,
  bytes: Buffer,
  operations: readonly Operation[],
): readonly Finding[] {
  for (const operation of operations) {
    const isCut = operation.op === 'bytes'
    const piece = isCut ? bytes.subarray(operation.from, operation.to) : Buffer.alloc(0)
    observations.apply('ada', operation, piece)
  }
  return observations.findings()
}
