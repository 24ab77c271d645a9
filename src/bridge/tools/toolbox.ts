import type { ToolUse } from '../../kernel/usage.ts'
import type { OfferedTool, ToolCall, ToolResult } from './offered-tool.ts'

/** The tools of the configured servers: `daemon` connects them, the bridge offers and calls them. */
export interface Toolbox {
  /** What is on offer now; servers that cannot be reached offer nothing. */
  offered(): Promise<readonly OfferedTool[]>
  /** What goes wrong is a result that the model is told. */
  call(call: ToolCall, signal: AbortSignal): Promise<InvokedTool>
}

/** A call that was made, for the model and for the books. */
export interface InvokedTool extends ToolResult {
  readonly server: string
  /** The tool's own name at its server. */
  readonly tool: string
  readonly serverUrl: string
}

/** As the books have it: under the tool's own name, and where it ran. */
export function toolUse({ call, tool, serverUrl, text, isError }: InvokedTool): ToolUse {
  return {
    callId: call.id,
    name: tool,
    input: call.input,
    serverUrl,
    invocation: { error: isError ? text : null },
  }
}
