/**
 * What a call was about, as the side tap read it off copies of the bytes. All
 * of it is observation: absent facts are `null`, never guessed and never 0.
 */

/** What the bodies of a call mean. */
export type WireFormat =
  | 'anthropic-messages'
  | 'bedrock-messages'
  | 'openai-chat'
  | 'openai-responses'
  | 'gemini'

/** Read from the request body as soon as it has passed. */
export interface RequestFacts {
  readonly model: string | null
  readonly streaming: boolean | null
  /** The last user message, by the format's rule; null when there is none. */
  readonly prompt: string | null
  /** The tool call that this request answers: what threads are made of. */
  readonly correlatingToolCallId: string | null
  /** A session id that only the body carries (Claude Code's `metadata.user_id`). */
  readonly bodySessionId: string | null
}

/**
 * The provider's final cumulative numbers, once, as they are billed: `input`
 * without what was read from or written to the cache.
 */
export interface TokenUsage {
  readonly input: number | null
  readonly output: number | null
  readonly cacheRead: number | null
  readonly cacheWrite: number | null
  /**
   * Further counters of the provider under stable names, numbers only. A
   * `tier_<name>` is 1 where it served the answer in a way with another price.
   */
  readonly extra: Readonly<Record<string, number>>
}

export interface ToolUse {
  readonly callId: string | null
  readonly name: string
  /** Arguments as JSON text, or as they came when they are not JSON. */
  readonly input: string
  /** Where the provider's own tool (web search, MCP) ran; null for the client's. */
  readonly serverUrl: string | null
  /** Set for a tool that was offered and called by us: what went wrong, or null. */
  readonly invocation?: { readonly error: string | null }
}

export interface Thought {
  readonly content: string
  readonly source: 'thinking' | 'reasoning_summary' | 'commentary'
}

/** One answer of the provider; a WebSocket carries several. */
export interface ResponseFacts {
  readonly responseId: string | null
  readonly model: string | null
  readonly usage: TokenUsage | null
  /**
   * Why `usage` is not the final word: the answer ended early (`partial`), it
   * could not be read (`unparsed`), or the provider sent none (`missing`).
   */
  readonly usageNote: 'partial' | 'unparsed' | 'missing' | null
  readonly tools: readonly ToolUse[]
  readonly thoughts: readonly Thought[]
  /**
   * The provider goes on with it by itself (OpenAI's `background`); its numbers
   * come to whoever asks for it by its id.
   */
  readonly pending?: true
  /** The provider's own error type and message, when it answered with one. */
  readonly errorType: string | null
  readonly errorMessage: string | null
}
