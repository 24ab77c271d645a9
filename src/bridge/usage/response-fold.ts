import type { ResponseFacts, TokenUsage } from '../../kernel/usage.ts'
import type { ErrorFact } from './error-fact.ts'
import type { JsonObject } from './json-value.ts'

/**
 * Reads one answer, event by event; a blocking answer is a single event. What
 * it does not understand it skips: observation never ends because of a fault.
 */
export interface ResponseFold {
  /** `name` is the SSE event's, for backends that leave `type` out of the data. */
  event(value: JsonObject, name: string | undefined): void
  /** The `[DONE]` that ends OpenAI's streams. */
  done(): void
  finish(end: AnswerEnd): ResponseFacts
}

/** How an answer ended, as far as the bytes tell. */
export interface AnswerEnd {
  /** The body came to its end; nobody cut it off. */
  readonly complete: boolean
  /** Part of the answer could not be read, so that usage may have been missed. */
  readonly gap: boolean
}

/** What a fold knows when the answer is over. */
interface Progress {
  readonly responseId: string | null
  readonly model: string | null
  readonly usage: TokenUsage | null
  readonly error: ErrorFact | undefined
  /** An answer began; an error without one took its place, and nothing was generated. */
  readonly started: boolean
  /** The provider has sent numbers that it will not correct any more. */
  readonly final: boolean
  /** The answer itself said that it is over. */
  readonly ended: boolean
}

/** The facts that every format tells in the same way. */
export function answerFacts(
  progress: Progress,
  end: AnswerEnd,
): Omit<ResponseFacts, 'tools' | 'thoughts'> {
  return {
    responseId: progress.responseId,
    model: progress.model,
    usage: progress.usage,
    usageNote: usageNote(progress, end),
    errorType: progress.error?.type ?? null,
    errorMessage: progress.error?.message ?? null,
  }
}

/** Why the usage is not the final word; null when it is. */
function usageNote(progress: Progress, end: AnswerEnd): ResponseFacts['usageNote'] {
  if (progress.final && progress.usage !== null) return null
  if (progress.error !== undefined && !progress.started) return null
  if (end.gap && (progress.ended || end.complete)) return 'unparsed'
  if (progress.usage === null && progress.ended) return 'missing'
  return 'partial'
}

/** The facts of an answer that nobody could read. */
export const UNPARSED: ResponseFacts = {
  responseId: null,
  model: null,
  usage: null,
  usageNote: 'unparsed',
  tools: [],
  thoughts: [],
  errorType: null,
  errorMessage: null,
}
