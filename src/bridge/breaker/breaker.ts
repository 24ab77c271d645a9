import { LRUCache } from 'lru-cache'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/error.ts'
import type { Emit } from '../../kernel/flow.ts'
import type { BreakerSettings } from '../../kernel/provider.ts'
import { type Judgement, judge, type Seen } from '../judge.ts'
import { admit, type Circuit, closedCircuit, type Result, settle } from './circuit.ts'

/** Circuits of single callers that are kept; older ones start anew. */
const MAX_OWN = 4096

interface BreakerDeps {
  readonly provider: string
  readonly settings: BreakerSettings
  readonly clock: Clock
  readonly emit: Emit
}

interface Entry {
  readonly route: string
  /** The one caller that it is for; undefined for the one that all share. */
  readonly caller: string | undefined
  circuit: Circuit
  /** Who met the last fault of the present run. */
  lastFault: string | undefined
}

interface Ticket {
  readonly entry: Entry
  readonly epoch: number
  /** The head of the answer has been counted as a probe's success. */
  told: boolean
}

/** One call's way through the breaker: `answered` at the head, `ended` once, last. */
export interface Pass {
  answered(seen: Seen): void
  ended(seen: Seen): void
}

/**
 * The circuits of one provider, for each listed route one that all callers
 * share, and one for each caller beside it. Outages count for all. A fault may
 * be the doing of the request that met it, so it counts for its caller, and for
 * all only if the fault before it met somebody else: one caller alone cannot
 * take a route away from the others.
 */
export class Breaker {
  readonly #deps: BreakerDeps
  readonly #shared = new Map<string, Entry>()
  readonly #own = new LRUCache<string, Entry>({ max: MAX_OWN })
  #lastFailure: string | undefined

  constructor(deps: BreakerDeps) {
    this.#deps = deps
  }

  /** How the last call that says anything failed; undefined when it did not. Kept while off, too. */
  get lastFailure(): string | undefined {
    return this.#lastFailure
  }

  /**
   * Lets one call of a listed route in. Throws Refusal `circuit_open`, with the
   * time when it is worth another try.
   */
  enter(route: string, caller: string): Pass {
    const tickets = this.#deps.settings.enabled ? this.#admit(route, caller) : []
    return {
      answered: seen => this.#answered(tickets, this.#judge(seen)),
      ended: seen => {
        const judgement = this.#judge(seen)
        for (const ticket of tickets.splice(0)) this.#ended(ticket, caller, judgement)
      },
    }
  }

  #admit(route: string, caller: string): Ticket[] {
    const tickets: Ticket[] = []
    for (const entry of [this.#ownEntry(route, caller), this.#sharedEntry(route)]) {
      const { circuit, waitMs } = admit(entry.circuit, this.#now, this.#deps.settings)
      this.#change(entry, circuit)
      if (waitMs !== undefined) {
        for (const ticket of tickets) this.#settle(ticket, 'void')
        const whose = entry.caller === undefined ? 'all callers' : 'this caller'
        throw new Refusal('circuit_open', `${route} failed for ${whose}`, {
          retryAt: this.#deps.clock.now() + waitMs,
        })
      }
      tickets.push({ entry, epoch: circuit.epoch, told: false })
    }
    return tickets
  }

  /** The worst state of each route, of the shared circuit and of any caller's own. */
  *states(): Generator<CircuitState> {
    for (const { route, circuit } of this.#shared.values()) {
      yield { route, scope: 'all', state: circuit.state }
      let worst: Circuit['state'] = 'closed'
      for (const own of this.#own.values()) {
        if (own.route === route && RANK[own.circuit.state] > RANK[worst]) worst = own.circuit.state
      }
      yield { route, scope: 'caller', state: worst }
    }
  }

  /**
   * A probe is a success as soon as the provider answers: an answer may stream
   * for minutes, and the others wait. Elsewhere the end of the answer decides.
   */
  #answered(tickets: readonly Ticket[], judgement: Judgement): void {
    if (judgement !== 'success') return
    for (const ticket of tickets) {
      if (ticket.entry.circuit.state !== 'half-open') continue
      this.#settle(ticket, 'success')
      ticket.told = true
    }
  }

  #ended(ticket: Ticket, caller: string, judgement: Judgement): void {
    const { entry } = ticket
    const result = resultFor(entry, caller, judgement)
    if (judgement === 'success') entry.lastFault = undefined
    else if (judgement === 'fault') entry.lastFault = caller
    if (!ticket.told) this.#settle(ticket, result)
    else if (result === 'failure') this.#settle({ ...ticket, epoch: entry.circuit.epoch }, result)
  }

  #judge(seen: Seen): Judgement {
    const judgement = judge(seen, this.#deps.settings.failureStatuses)
    if (judgement === 'success') this.#lastFailure = undefined
    if (judgement === 'outage' || judgement === 'fault') {
      this.#lastFailure = 'reason' in seen ? seen.reason : `http_${seen.status}`
    }
    return judgement
  }

  #settle({ entry, epoch }: Ticket, result: Result): void {
    this.#change(entry, settle(entry.circuit, { epoch, result }, this.#now, this.#deps.settings))
  }

  #change(entry: Entry, next: Circuit): void {
    const from = entry.circuit.state
    entry.circuit = next
    if (from === next.state) return
    const { provider, emit } = this.#deps
    const { route, caller } = entry
    const scope = caller === undefined ? 'all' : 'caller'
    emit({ type: 'circuit_changed', provider, route, scope, user: caller, from, to: next.state })
  }

  #sharedEntry(route: string): Entry {
    const entry = this.#shared.get(route) ?? this.#newEntry(route, undefined)
    this.#shared.set(route, entry)
    return entry
  }

  #ownEntry(route: string, caller: string): Entry {
    const key = `${route} ${caller}`
    const entry = this.#own.get(key) ?? this.#newEntry(route, caller)
    this.#own.set(key, entry)
    return entry
  }

  #newEntry(route: string, caller: string | undefined): Entry {
    return { route, caller, circuit: closedCircuit(this.#now), lastFault: undefined }
  }

  get #now(): number {
    return this.#deps.clock.monotonic()
  }
}

interface CircuitState {
  readonly route: string
  readonly scope: 'all' | 'caller'
  readonly state: Circuit['state']
}

const RANK = { closed: 0, 'half-open': 1, open: 2 } as const

function resultFor(entry: Entry, caller: string, judgement: Judgement): Result {
  if (judgement === 'success') return 'success'
  const isOwn = entry.caller !== undefined
  if (judgement === 'outage') return isOwn ? 'void' : 'failure'
  if (judgement !== 'fault') return 'void'
  return isOwn || entry.lastFault !== caller ? 'failure' : 'void'
}
