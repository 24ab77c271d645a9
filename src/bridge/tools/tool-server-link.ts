import type { Client, Tool } from '@modelcontextprotocol/client'
import type { Clock } from '../../kernel/clock.ts'
import { describeError } from '../../kernel/error.ts'
import type { ToolServer } from '../../kernel/tool-server.ts'
import { toolText } from './tool-text.ts'

/** How the library's requests get out. */
type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>

export interface LinkOptions {
  readonly server: ToolServer
  readonly fetch: Fetch
  /** Ends the connections that `fetch` uses. */
  readonly close: () => void
  readonly version: string
  readonly clock: Clock
  /** The server cannot be used; once each time it turns out so. */
  readonly onProblem: (problem: string) => void
}

/** A list of tools is asked for again when it is older than this. */
const FRESH_MS = 300_000
/** A server that failed is left alone for so long. */
const RETRY_MS = 30_000
/** What a request waits for a server that was not reached yet. */
const CONNECT_MS = 5000

/** One server: its session, its tools, and calls of them. Connects when it is first asked. */
export class ToolServerLink {
  readonly server: ToolServer
  readonly #options: LinkOptions
  #client: Client | undefined
  #tools: readonly Tool[] = []
  #listedAt = Number.NEGATIVE_INFINITY
  #failedAt = Number.NEGATIVE_INFINITY
  #listing: Promise<void> | undefined
  #calls = 0
  #retired = false

  constructor(options: LinkOptions) {
    this.#options = options
    this.server = options.server
  }

  get url(): string {
    const { origin, path } = this.server
    return `${origin.protocol}://${origin.target.text}${path}`
  }

  /** The tools that may be offered; those of the last look while a new one is under way. */
  async tools(): Promise<readonly Tool[]> {
    const now = this.#options.clock.monotonic()
    const isStale = now - this.#listedAt > FRESH_MS
    if (isStale && now - this.#failedAt > RETRY_MS) {
      this.#listing ??= this.#list().finally(() => {
        this.#listing = undefined
      })
    }
    if (this.#tools.length === 0) await this.#listing
    return this.#tools
  }

  /**
   * What a tool answered, or what the model is to be told instead. Rejects only
   * when the signal aborts.
   */
  async call(
    tool: string,
    input: Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<{ readonly text: string; readonly isError: boolean }> {
    this.#calls += 1
    try {
      const client = await this.#connected()
      const { timeoutMs: timeout } = this.server
      const result = await client.callTool(
        { name: tool, arguments: input },
        { signal, timeout, maxTotalTimeout: timeout },
      )
      return { text: toolText(result), isError: result.isError === true }
    } catch (error) {
      signal.throwIfAborted()
      this.#options.onProblem(describeError(error))
      // A session that its server has forgotten would fail for ever.
      await this.#disconnect()
      return { text: `Error calling tool: ${publicProblem(error)}`, isError: true }
    } finally {
      this.#calls -= 1
      if (this.#retired) await this.retire()
    }
  }

  /** Ends the session as soon as nobody uses it. */
  async retire(): Promise<void> {
    this.#retired = true
    if (this.#calls > 0) return
    await this.#disconnect()
    this.#options.close()
  }

  async #list(): Promise<void> {
    try {
      const client = await this.#connected()
      const { tools } = await client.listTools(undefined, { timeout: CONNECT_MS })
      this.#tools = tools.filter(({ name }) => this.#isAllowed(name))
      this.#listedAt = this.#options.clock.monotonic()
    } catch (error) {
      this.#failedAt = this.#options.clock.monotonic()
      this.#tools = []
      this.#options.onProblem(describeError(error))
      await this.#disconnect()
    }
  }

  async #connected(): Promise<Client> {
    if (this.#client !== undefined) return this.#client
    const { fetch, version } = this.#options
    // Loaded when it is first needed: most daemons have no such servers.
    const { Client, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client')
    const client = new Client({ name: 'aibridgeproxyd', version })
    const transport = new StreamableHTTPClientTransport(new URL(this.url), {
      fetch,
    })
    await client.connect(transport, { timeout: CONNECT_MS })
    this.#client = client
    return client
  }

  async #disconnect(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    // It is given up either way.
    await client?.close().catch(() => undefined)
  }

  #isAllowed(tool: string): boolean {
    const { allow, deny } = this.server
    return (allow?.test(tool) ?? true) && !(deny?.test(tool) ?? false)
  }
}

/** A model repeats what it is told: the server's own words, but nothing of our network. */
function publicProblem(error: unknown): string {
  const isTold = error instanceof Error && error.name === 'ProtocolError'
  return isTold ? error.message : 'the server could not be used'
}
