import { timingSafeEqual } from 'node:crypto'
import { inspect } from 'node:util'

const MASK = '[secret]'

/**
 * A value that must never be seen: provider keys, tokens, proxy passwords.
 * Every way in which Node turns a value into text gives `[secret]`, so a
 * careless log line or error cannot leak it. Only the code that writes the
 * value into a header on the wire calls `reveal`.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  /** Compares in constant time, so that a guess learns nothing from the clock. */
  equals(other: Secret): boolean {
    const ours = Buffer.from(this.#value)
    const theirs = Buffer.from(other.#value)
    return ours.length === theirs.length && timingSafeEqual(ours, theirs)
  }

  toString(): string {
    return MASK
  }

  toJSON(): string {
    return MASK
  }

  [inspect.custom](): string {
    return MASK
  }
}

/**
 * A hint that lets an operator recognise a key without learning it; the form
 * is the one Coder stores (fact: first and last characters by length).
 */
export function maskCredential(value: string): string {
  const points = Array.from(value)
  const keep = points.length >= 20 ? 4 : points.length >= 10 ? 2 : points.length >= 5 ? 1 : 0
  if (points.length === 0) return ''
  if (keep === 0) return '...'
  return `${points.slice(0, keep).join('')}...${points.slice(-keep).join('')}`
}
