import { describeError, Refusal } from '../kernel/error.ts'
import type { AskRecords } from '../kernel/records.ts'
import { Tally } from '../kernel/tally.ts'
import { createTurns } from '../kernel/turns.ts'
import type { BookStore } from './book-store.ts'

/** Questions at a time: SQLite answers one after the other, PostgreSQL three. */
const MAX_ANSWERING = 6
const MAX_ANSWERING_PER_ASKER = 2
/** Of one asker, with those that wait. */
const MAX_ASKING = 16

/**
 * Asks the books for many. A list of sessions can take a tenth of a second, so
 * whoever asks much waits behind itself only.
 */
export function questionsInTurn(store: Pick<BookStore, 'ask'>): AskRecords {
  const inTurn = createTurns(MAX_ANSWERING, MAX_ANSWERING_PER_ASKER)
  const asking = new Tally()
  return async (question, argument, asker = '') => {
    if (asking.of(asker) >= MAX_ASKING) throw new Refusal('overloaded', 'too many questions')
    asking.take(asker)
    try {
      return await inTurn(asker, () => store.ask(question, argument))
    } catch (error) {
      throw new Refusal('accounting_unavailable', describeError(error))
    } finally {
      asking.giveBack(asker)
    }
  }
}
