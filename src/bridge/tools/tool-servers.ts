import { parseObject } from '../usage/json-value.ts'
import { type OfferedTool, offeredName, type ToolCall } from './offered-tool.ts'
import { type LinkOptions, problemText, ToolServerLink } from './tool-server-link.ts'
import type { InvokedTool, Toolbox } from './toolbox.ts'

interface Known {
  readonly link: ToolServerLink
  readonly tool: string
}

/** All configured servers as one box of tools. */
export class ToolServers implements Toolbox, AsyncDisposable {
  readonly #links: readonly ToolServerLink[]
  /** Tools by the names that models know them by; replaced with each offer. */
  #known: ReadonlyMap<string, Known> = new Map()

  constructor(servers: readonly LinkOptions[]) {
    this.#links = servers.map(options => new ToolServerLink(options))
  }

  async offered(): Promise<readonly OfferedTool[]> {
    const lists = await Promise.all(
      this.#links.map(async link => ({ link, tools: await link.tools() })),
    )
    const known = new Map<string, Known>()
    const offered: OfferedTool[] = []
    for (const { link, tools } of lists) {
      for (const { name: tool, description, inputSchema } of tools) {
        const name = offeredName(link.server.name, tool)
        // Two tools whose names were made alike: the first one keeps the name.
        if (known.has(name)) continue
        known.set(name, { link, tool })
        offered.push({ name, description, inputSchema })
      }
    }
    this.#known = known
    return offered
  }

  async call(call: ToolCall, signal: AbortSignal): Promise<InvokedTool> {
    const known = this.#known.get(call.name)
    if (known === undefined) {
      return {
        ...failed(call, 'this tool is no longer there'),
        server: '',
        tool: call.name,
        serverUrl: '',
      }
    }
    const { link, tool } = known
    const where = { server: link.server.name, tool, serverUrl: link.url }
    const input = parseObject(call.input)
    if (input === undefined) return { ...failed(call, 'the arguments are not an object'), ...where }
    return { call, ...(await link.call(tool, { ...input }, signal)), ...where }
  }

  /** Lets go of all sessions that nobody uses; who has been offered a tool may still call it. */
  async retire(): Promise<void> {
    await Promise.all(this.#links.map(link => link.retire()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#links.map(link => link[Symbol.asyncDispose]()))
  }
}

function failed(call: ToolCall, problem: string): Pick<InvokedTool, 'call' | 'text' | 'isError'> {
  return { call, text: problemText(problem), isError: true }
}
