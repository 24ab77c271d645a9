import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type Allowance, FloodBudget } from './flood-budget.ts'
import { inRounds } from './rounds.ts'

/** What the operator's log says of it. */
export const IDLE_RECORDS = 'TLS records that carry next to nothing'

const CHECK_MS = 500
/** The most that a record is which carries a byte: TLS 1.2 puts 29 bytes about it, TLS 1.3 22. */
const SMALLEST_RECORD = 30

/**
 * Nobody needs it but for what belongs to the handshake. What a peer does not
 * read of our answers stays in memory, so that little must come back with time.
 */
const EMPTY: Allowance = { burstBytes: 256 * 1024, bytesPerMs: 1 }

/** A record of 90 bytes has a quarter of its own about it. */
const CARRIED_EARNS = 1.25
/** What is sent is answered with window updates and pongs, which are small. */
const SENT_EARNS = 1 / 16
/** 50,000 records of a byte a second, and a burst of 400,000: as fast as any client writes them. */
const SMALL: Allowance = { burstBytes: 8 * 1024 * 1024, bytesPerMs: 1024 }

/** Bytes of one TLS connection so far. */
interface Traffic {
  /** On the wire. */
  readonly raw: Pick<Socket, 'bytesRead' | 'bytesWritten'>
  /** Within the records. */
  readonly secure: Pick<Socket, 'bytesRead' | 'bytesWritten'>
}

/**
 * Weighs the records of a TLS connection. Those that carry nothing, and what
 * they make us answer, have little room; small ones have as much as clients
 * need that write byte by byte, and are still no way to use up the event loop.
 */
export class RecordBudget {
  readonly #before: Traffic['raw']
  readonly #empty: FloodBudget
  readonly #small: FloodBudget

  /** `raw` has carried other things until now, as a connection has that asked for more before CONNECT. */
  constructor({ bytesRead, bytesWritten }: Traffic['raw'], now: number) {
    this.#before = { bytesRead, bytesWritten }
    this.#empty = new FloodBudget(now, EMPTY)
    this.#small = new FloodBudget(now, SMALL)
  }

  /** Whether it may go on; `now` is in milliseconds. */
  allows({ raw, secure }: Traffic, now: number): boolean {
    const carried = secure.bytesRead
    const sent = secure.bytesWritten
    const read = raw.bytesRead - this.#before.bytesRead
    const both = read + raw.bytesWritten - this.#before.bytesWritten
    return (
      this.#empty.allows(both, (carried + sent) * SMALLEST_RECORD, now) &&
      this.#small.allows(read, carried * CARRIED_EARNS + sent * SENT_EARNS, now)
    )
  }
}

/**
 * Calls `onFlood` once when a TLS connection keeps bringing records that carry
 * next to nothing. OpenSSL answers every key update and counts none (RFC 8446
 * 4.6.3): 27 bytes cost 10 µs, and memory where the peer does not read the
 * answer. `raw` is the connection beneath.
 */
export function watchRecords(raw: Socket, secure: TLSSocket, onFlood: () => void): void {
  const budget = new RecordBudget(raw, performance.now())
  const rounds = inRounds(CHECK_MS, () => {
    if (budget.allows({ raw, secure }, performance.now())) return
    rounds[Symbol.dispose]()
    onFlood()
  })
  secure.once('close', () => rounds[Symbol.dispose]())
}
