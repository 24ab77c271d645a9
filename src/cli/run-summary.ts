import type { Event } from '../kernel/event.ts'

/** Counts what went through a `run`, for the lines at its end. */
export class RunSummary {
  readonly #calls = new Map<string, Map<string, number>>()
  readonly #refusals = new Map<string, number>()
  #tunnels = 0
  #untrusted = 0

  add(event: Event): void {
    if (event.type === 'call_ended') {
      const outcomes = this.#calls.get(event.provider) ?? new Map<string, number>()
      outcomes.set(event.outcome, (outcomes.get(event.outcome) ?? 0) + 1)
      this.#calls.set(event.provider, outcomes)
    }
    if (event.type !== 'connect_ended') return
    if (event.outcome === 'tunneled' || event.outcome === 'forwarded') this.#tunnels += 1
    if (event.tlsFailure === 'ca_not_trusted') this.#untrusted += 1
    if (event.reason !== undefined) {
      this.#refusals.set(event.reason, (this.#refusals.get(event.reason) ?? 0) + 1)
    }
  }

  text(): string {
    const lines = [...this.#calls].map(
      ([provider, outcomes]) => `calls to ${provider}: ${counts(outcomes)}`,
    )
    if (this.#tunnels > 0) lines.push(`tunnels: ${this.#tunnels}`)
    if (this.#refusals.size > 0) lines.push(`refused: ${counts(this.#refusals)}`)
    if (this.#untrusted > 0) {
      lines.push(`connections of clients that do not trust the CA: ${this.#untrusted}`)
    }
    if (lines.length === 0) lines.push('nothing went through the proxy')
    return lines.map(line => `aibridgeproxyd: ${line}\n`).join('')
  }
}

function counts(map: ReadonlyMap<string, number>): string {
  return [...map].map(([name, count]) => `${count} ${name}`).join(', ')
}
