import type { Event } from '../kernel/event.ts'
import { NANO } from '../kernel/money.ts'

const TOKEN_KINDS = ['input', 'output', 'cacheRead', 'cacheWrite'] as const

/** Counts what went through a `run`, for the lines at its end. */
export class RunSummary {
  readonly #calls = new Map<string, Map<string, number>>()
  readonly #refusals = new Map<string, number>()
  readonly #tokens = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }
  #costNano = 0
  #unpriced = 0
  #tunnels = 0
  #untrusted = 0

  add(event: Event): void {
    if (event.type === 'call_ended') this.#addCall(event)
    if (event.type === 'answer_seen') this.#addTokens(event)
    if (event.type === 'connect_ended') this.#addConnect(event)
  }

  #addCall({ provider, outcome }: Extract<Event, { type: 'call_ended' }>): void {
    const outcomes = this.#calls.get(provider) ?? new Map<string, number>()
    increment(outcomes, outcome)
    this.#calls.set(provider, outcomes)
  }

  #addTokens({ usage, costNano, billing }: Extract<Event, { type: 'answer_seen' }>): void {
    for (const kind of TOKEN_KINDS) this.#tokens[kind] += usage?.[kind] ?? 0
    this.#costNano += costNano ?? 0
    if (usage !== null && costNano === null && billing === 'metered') this.#unpriced += 1
  }

  #addConnect({ outcome, tlsFailure, reason }: Extract<Event, { type: 'connect_ended' }>): void {
    if (outcome === 'tunneled' || outcome === 'forwarded') this.#tunnels += 1
    if (tlsFailure === 'ca_not_trusted') this.#untrusted += 1
    if (reason !== undefined) increment(this.#refusals, reason)
  }

  text(): string {
    const lines = [...this.#calls].map(
      ([provider, outcomes]) => `calls to ${provider}: ${counts(outcomes)}`,
    )
    const { input, output, cacheRead, cacheWrite } = this.#tokens
    if (input + output + cacheRead + cacheWrite > 0) {
      lines.push(
        `tokens: ${input} in, ${output} out, ${cacheRead} read from and ${cacheWrite} written to the cache`,
      )
    }
    if (this.#costNano > 0) lines.push(`cost: $${(this.#costNano / NANO).toFixed(4)}`)
    if (this.#unpriced > 0) lines.push(`answers without a price: ${this.#unpriced}`)
    if (this.#tunnels > 0) lines.push(`tunnels: ${this.#tunnels}`)
    if (this.#refusals.size > 0) lines.push(`refused: ${counts(this.#refusals)}`)
    if (this.#untrusted > 0) {
      lines.push(`connections of clients that do not trust the CA: ${this.#untrusted}`)
    }
    if (lines.length === 0) lines.push('nothing went through the proxy')
    return lines.map(line => `aibridgeproxyd: ${line}\n`).join('')
  }
}

function increment(counters: Map<string, number>, key: string): void {
  counters.set(key, (counters.get(key) ?? 0) + 1)
}

function counts(map: ReadonlyMap<string, number>): string {
  return [...map].map(([name, count]) => `${count} ${name}`).join(', ')
}
