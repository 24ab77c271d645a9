/**
 * An IP address that has been parsed once. `bytes` (4 or 16) is what policy
 * looks at; `text` is the canonical spelling, the only one that is ever dialled
 * or written to a log.
 */
export interface Address {
  readonly family: 4 | 6
  readonly bytes: Uint8Array
  readonly text: string
}

/** A block of addresses; `text` is kept for messages to the operator. */
export interface Cidr {
  readonly family: 4 | 6
  readonly bytes: Uint8Array
  readonly bits: number
  readonly text: string
}
