import { hash } from 'node:crypto'
import type { JsonObject } from '../usage/json-value.ts'

/** A tool of a configured server, under the name that the model knows it by. */
export interface OfferedTool {
  readonly name: string
  readonly description: string | undefined
  readonly inputSchema: JsonObject
}

/** What the model asked for. */
export interface ToolCall {
  readonly id: string
  readonly name: string
  /** Arguments as JSON text, as the model wrote them. */
  readonly input: string
}

/** What became of it. */
export interface ToolResult {
  readonly call: ToolCall
  readonly text: string
  readonly isError: boolean
}

const PREFIX = 'bmcp'
/** The shortest limit among the providers (OpenAI: 64 of `[A-Za-z0-9_-]`). */
const MAX_NAME = 64
const DIGEST = 8

/**
 * `bmcp_<server>_<tool>`, as Coder names them. Characters that a provider would
 * refuse become `_`; what is too long is cut and told apart by a digest.
 */
export function offeredName(server: string, tool: string): string {
  const whole = `${PREFIX}_${server}_${tool}`
  const safe = whole.replaceAll(/[^A-Za-z0-9_-]/g, '_')
  if (safe.length <= MAX_NAME) return safe
  const digest = hash('sha256', whole, 'hex').slice(0, DIGEST)
  return `${safe.slice(0, MAX_NAME - DIGEST - 1)}_${digest}`
}
