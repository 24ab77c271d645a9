import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { FloodBudget } from './flood-budget.ts'

/** What the operator's log says of it. */
export const EMPTY_RECORDS = 'TLS records that carry nothing'

const CHECK_MS = 500
/** A record of 90 bytes has a quarter of its own about it. */
const CARRIED_EARNS = 1.25
/** What is sent is answered with window updates and pongs, which are small. */
const SENT_EARNS = 1 / 16

/**
 * Calls `onFlood` once when a TLS connection keeps bringing records that carry
 * nothing. OpenSSL answers every key update and counts none (RFC 8446 4.6.3):
 * 27 bytes cost 10 µs, and memory where the peer does not read the answer.
 * `raw` is the connection beneath.
 */
export function watchRecords(
  raw: Pick<Socket, 'bytesRead'>,
  secure: TLSSocket,
  onFlood: () => void,
): void {
  const budget = new FloodBudget(performance.now())
  const timer = setInterval(() => {
    const earned = secure.bytesRead * CARRIED_EARNS + secure.bytesWritten * SENT_EARNS
    if (budget.allows(raw.bytesRead, earned, performance.now())) return
    clearInterval(timer)
    onFlood()
  }, CHECK_MS).unref()
  secure.once('close', () => clearInterval(timer))
}
