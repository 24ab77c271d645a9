import { hash as digest } from 'node:crypto'
import { escapeUnsafe } from '../kernel/json-line.ts'
import type { LogRecord } from './log-record.ts'

/** What comes before the first line of a chain. */
export const CHAIN_START = '0'.repeat(64)

/**
 * Makes lines of records. With a chain, each line holds the hash of the one
 * before it and of itself, so that a line that is changed, taken out or put in
 * shows. A chain is as long as its process lives; what was cut off at the end
 * of a file does not show without the lines that follow.
 */
export class LineMaker {
  readonly #chain: string | undefined
  #position = 0
  #last = CHAIN_START

  /** @param chain names the chain; without a name there is none */
  constructor(chain: string | undefined) {
    this.#chain = chain
  }

  line(record: LogRecord, now: number): string {
    const head = {
      level: 'info',
      time: new Date(now).toISOString(),
      msg: 'interception log',
      ...record,
    }
    if (this.#chain === undefined) return escapeUnsafe(JSON.stringify(head))
    const position = ++this.#position
    const text = escapeUnsafe(
      JSON.stringify({ ...head, chain: this.#chain, position, prev_hash: this.#last }),
    )
    this.#last = lineHash(text)
    return `${text.slice(0, -1)},"hash":"${this.#last}"}`
  }
}

/** The hash of a line's text without the hash itself, which stands last. */
export function lineHash(text: string): string {
  return digest('sha256', text, 'hex')
}
