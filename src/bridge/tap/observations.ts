import { Memory, SharedMemory } from '../../kernel/memory.ts'
import { boundFacts } from '../usage/bound-facts.ts'
import { HttpObservation } from './http-observation.ts'
import type { TapLimits } from './limits.ts'
import { holderOf, type Listener, type Observation, type Shared } from './observation.ts'
import type { Finding, Operation, Side } from './protocol.ts'
import { WebSocketObservation } from './websocket-observation.ts'

interface Open {
  readonly observation: Observation
  readonly memory: Shared['memory']
}

/** Every call under observation; applies operations and says what they brought to light. */
export class Observations {
  readonly #limits: TapLimits
  readonly #memory: SharedMemory
  readonly #open = new Map<number, Open>()
  #findings: Finding[] = []

  constructor(limits: TapLimits) {
    this.#limits = limits
    this.#memory = new SharedMemory(limits.processBytes)
  }

  /** Bytes that are kept for calls under way. */
  get held(): number {
    return this.#memory.held
  }

  /** What has been found out since it was last asked for. */
  findings(): readonly Finding[] {
    const findings = this.#findings
    this.#findings = []
    return findings
  }

  /** `user`: whose share of the memory is used; `bytes`: those of the operation, or a piece of them. */
  apply(user: string, operation: Operation, bytes: Buffer): void {
    if (operation.op === 'open') return this.#begin(user, operation)
    const open = this.#open.get(operation.id)
    if (open === undefined) return
    try {
      this.#tell(open.observation, operation, bytes)
    } catch {
      // A fault of ours in one observation is no reason to lose the others.
      this.#open.delete(operation.id)
      this.#findings.push({ kind: 'failed', id: operation.id })
    }
    // SECURITY: a peer may leave in the middle of a message; what such calls
    // kept would add up until no call could be observed any more.
    if (this.#open.has(operation.id)) return
    open.memory.up.releaseAll()
    open.memory.down.releaseAll()
  }

  #tell(
    observation: Observation,
    operation: Exclude<Operation, { op: 'open' }>,
    bytes: Buffer,
  ): void {
    switch (operation.op) {
      case 'head':
        return observation.head(operation.head)
      case 'bytes':
        return observation.bytes(operation.side, bytes)
      case 'lost':
        return observation.lost(operation.side)
      case 'end':
        return observation.end(operation.side, operation.complete)
      case 'cancel':
        return void this.#open.delete(operation.id)
    }
  }

  #begin(user: string, call: Extract<Operation, { op: 'open' }>): void {
    const listener = this.#listener(call.id)
    const part = (side: Side): Memory =>
      new Memory(Number.POSITIVE_INFINITY, this.#memory.of(holderOf(user, side)))
    const memory = { up: part('up'), down: part('down') }
    const shared = { memory, limits: this.#limits, listener }
    const observation =
      call.takeover === undefined
        ? new HttpObservation(call, shared)
        : new WebSocketObservation(call.takeover, shared)
    this.#open.set(call.id, { observation, memory })
  }

  #listener(id: number): Listener {
    return {
      onRequest: facts => void this.#findings.push({ kind: 'request', id, facts }),
      onResponse: facts =>
        void this.#findings.push({ kind: 'response', id, facts: boundFacts(facts) }),
      onStop: side => void this.#findings.push({ kind: 'stop', id, side }),
      onSettled: () => {
        this.#open.delete(id)
        this.#findings.push({ kind: 'settled', id })
      },
    }
  }
}
