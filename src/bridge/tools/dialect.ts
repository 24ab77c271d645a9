import type { SseEvent } from '../tap/sse-parser.ts'
import type { JsonObject } from '../usage/json-value.ts'
import type { OfferedTool, ToolCall, ToolResult } from './offered-tool.ts'
import type { BodyText, OpenBody } from './open-body.ts'

/** How tools are offered and called in one wire format. */
export interface ToolDialect {
  /**
   * The request with tools added to the client's own. Undefined when none can be
   * offered: the client wants none called, or the request is not understood.
   */
  open(body: BodyText, tools: readonly OfferedTool[]): OpenBody | undefined
  /** Follows the answers to one request; `isOffered` tells our tools from the client's. */
  merge(isOffered: (name: string) => boolean): AnswerMerge
}

/**
 * Makes one answer for the client out of as many as it took: our tools' calls
 * are left out, and the usage is that of all together.
 */
export interface AnswerMerge {
  /** What the client is to see of one event of a stream. */
  event(event: SseEvent): readonly SseEvent[]
  /** One whole answer, where nothing is streamed. */
  answer(answer: JsonObject): void
  /** When an answer is over: the calls of our tools that it waits for. */
  turn(): Turn | undefined
  /** The whole answer for the client. */
  result(): JsonObject
  /** Ends a stream with an error, given as the provider's dialect has it. */
  failure(error: JsonObject): readonly SseEvent[]
}

/** The model waits for these calls and nothing else. */
export interface Turn {
  readonly calls: readonly ToolCall[]
  /** What the conversation goes on with: JSON texts. */
  entries(results: readonly ToolResult[]): readonly string[]
}
