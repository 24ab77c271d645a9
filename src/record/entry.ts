import type { CallLimits, Charge } from '../kernel/budget.ts'
import type { CallEnded, ConnectEnded } from '../kernel/event.ts'
import type { CallIntent } from '../kernel/records.ts'
import type { RequestFacts, ResponseFacts, ToolUse } from '../kernel/usage.ts'

/**
 * One step of the books, on its way to the disk. `position` is a number that
 * this process never uses twice: writing an entry again changes nothing. An
 * answer takes as many positions as it has details, counted up from its own.
 */
export type Entry =
  | BeginEntry
  | RequestEntry
  | ResponseEntry
  | RetrievalEntry
  | ToolEntry
  | TurnEntry
  | EndEntry
  | ConnectEntry
  | GapEntry

export interface BeginEntry {
  readonly type: 'begin'
  readonly intent: CallIntent
  readonly limits: CallLimits
  /** False for a call that has gone on while nothing could be written. */
  readonly isJudged: boolean
}

export interface RequestEntry {
  readonly type: 'request'
  readonly callId: string
  readonly at: number
  readonly position: number
  /** Nothing was said of this call in the structured log yet. */
  readonly first: boolean
  readonly facts: RequestFacts
}

export interface ResponseEntry {
  readonly type: 'response'
  readonly callId: string
  readonly at: number
  readonly position: number
  readonly facts: ResponseFacts
  /** In nano-dollars; null when it is not known. */
  readonly costNano: number | null
  /** The call is paid from budgets. */
  readonly isCharged: boolean
}

/** What an answer came to that an earlier call began; see `ResponseFacts.pending`. */
export interface RetrievalEntry
  extends Pick<ResponseEntry, 'at' | 'position' | 'facts' | 'costNano'>,
    Pick<CallEnded, 'provider' | 'client' | 'billing'> {
  readonly type: 'retrieval'
}

/** A tool that was called here for the model, in the answer of that id. */
export interface ToolEntry {
  readonly type: 'tool'
  readonly callId: string
  readonly at: number
  readonly position: number
  readonly responseId: string | null
  readonly tool: ToolUse
}

/** A call asks its provider once more: with the results of tools. */
export interface TurnEntry {
  readonly type: 'turn'
  readonly callId: string
  readonly at: number
  readonly position: number
  readonly charges: readonly Charge[]
  /** False for a call that has gone on while nothing could be written. */
  readonly isJudged: boolean
}

export interface EndEntry {
  readonly type: 'end'
  readonly ended: CallEnded
  readonly first: boolean
  /** Entries of this call that had to be dropped. */
  readonly lost: number
  readonly isCharged: boolean
  /** The provider may have billed it, as far as its end tells. */
  readonly isBilled: boolean
}

export interface ConnectEntry {
  readonly type: 'connect'
  readonly position: number
  readonly ended: ConnectEnded
  /** More like it, of the same caller, that have no entry. */
  readonly leftOut: number
}

/** Calls passed, or records were lost, while nothing could be written. */
export interface GapEntry {
  readonly type: 'gap'
  readonly position: number
  readonly startedAt: number
  readonly endedAt: number
  readonly cause: string
  readonly calls: number
  readonly records: number
}

/** How much of the conversation is kept: all, with secrets masked, or no prompts. */
export type TextMode = 'true' | 'false' | 'redacted'

/** Rough bytes that an entry holds in memory. */
export function entrySize(entry: Entry): number {
  const base = 512
  if (entry.type === 'request') return base + 2 * (entry.facts.prompt?.length ?? 0)
  // Of any length until it is written; a refused call may have a long one.
  if (entry.type === 'end') return base + entry.ended.path.length
  if (entry.type === 'tool') return base + 2 * entry.tool.input.length
  if (entry.type !== 'response' && entry.type !== 'retrieval') return base
  const { tools, thoughts } = entry.facts
  const text =
    tools.reduce((sum, tool) => sum + tool.input.length, 0) +
    thoughts.reduce((sum, thought) => sum + thought.content.length, 0)
  return base + 2 * text
}
