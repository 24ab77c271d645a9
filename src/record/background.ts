import type { ResponseEntry, RetrievalEntry } from './entry.ts'
import { correct, type Guess } from './limits/settle.ts'
import { ask, put, type Row, type Work } from './work.ts'

/** Remembers an answer whose end will be told to another call. */
export function* remember(
  { callId, at, facts: { responseId } }: ResponseEntry,
  guesses: readonly Guess[],
): Work<void> {
  if (responseId === null) return
  const values = { call_id: callId, response_id: responseId, at: Math.round(at) }
  for (const guess of guesses.length > 0 ? guesses : [UNCHARGED]) {
    yield put(REMEMBER, { ...values, ...guess })
  }
}

/**
 * Finds who began an answer that has ended, and sets right what was paid for it.
 * Only the first who asks finds anybody: what is deleted is nobody else's.
 */
export function* recall(entry: RetrievalEntry): Work<ResponseEntry | undefined> {
  const { provider, at, position, facts, costNano } = entry
  const { rows } = yield ask(RECALL, { provider, response_id: facts.responseId })
  const [row] = rows
  if (row === undefined) return undefined
  const callId = String(row['call_id'])
  yield* correct(rows.map(guessOf), entry)
  return { type: 'response', callId, at, position, facts, costNano, isCharged: false }
}

/** Tools and thoughts that the call has told of already. */
export function* untold(seq: number, { facts, ...entry }: ResponseEntry): Work<ResponseEntry> {
  const rows = (yield ask(TOLD_TOOLS, { seq })).rows
  const told = new Set(rows.map(row => row['tool_call_id']))
  const hasThoughts = (yield ask(TOLD_THOUGHTS, { seq })).rows.length > 0
  const tools = facts.tools.filter(({ callId }) => callId === null || !told.has(callId))
  return { ...entry, facts: { ...facts, tools, thoughts: hasThoughts ? [] : facts.thoughts } }
}

function guessOf({ scope, period, guessed }: Row): Guess {
  return { scope: String(scope), period: String(period), guessed: Number(guessed) }
}

const UNCHARGED: Guess = { scope: '', period: '', guessed: 0 }

const REMEMBER = `INSERT INTO background_responses
    (provider, response_id, call_id, scope, period, guessed, begun_at)
  SELECT provider, :response_id, id, :scope, :period,
    CAST(:guessed AS BIGINT), CAST(:at AS BIGINT)
  FROM interceptions WHERE id = :call_id
  ON CONFLICT DO NOTHING`
const RECALL = `DELETE FROM background_responses
  WHERE provider = :provider AND response_id = :response_id RETURNING call_id, scope, period, guessed`
const TOLD_TOOLS = 'SELECT tool_call_id FROM tool_usages WHERE interception = :seq'
const TOLD_THOUGHTS = 'SELECT 1 AS one FROM model_thoughts WHERE interception = :seq LIMIT 1'
