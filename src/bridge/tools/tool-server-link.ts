import type { Client, Tool } from '@modelcontextprotocol/client'
import type { Fetch } from '../../egress/origin-fetch.ts'
import type { Clock } from '../../kernel/clock.ts'
import { describeError } from '../../kernel/error.ts'
import type { ToolServer } from '../../kernel/tool-server.ts'
import { toolText } from './tool-text.ts'

/** How the library's requests get out. */
export interface LinkOptions {
  readonly server: ToolServer
  readonly fetch: Fetch
  /** Ends the connections that `fetch` uses, and lets it make no more. */
  readonly close: () => void
  readonly version: string
  readonly clock: Clock
  /** The server cannot be used; once each time it turns out so. */
  readonly onProblem: (problem: string) => void
}

interface Session {
  readonly client: Client
  /** Who is waiting for an answer in it. */
  users: number
}

/** A list of tools is asked for again when it is older than this. */
const FRESH_MS = 300_000
/** A server that failed is left alone for so long. */
const RETRY_MS = 30_000
/** What a request waits for a server that was not reached yet. */
const CONNECT_MS = 5000

/**
 * One server: its session, its tools, and calls of them. Connects when it is
 * first asked. A session that fails is left to those who are in it.
 */
export class ToolServerLink implements AsyncDisposable {
  readonly server: ToolServer
  readonly #options: LinkOptions
  #session: Session | undefined
  #connecting: Promise<Session> | undefined
  #tools: readonly Tool[] = []
  #listedAt = Number.NEGATIVE_INFINITY
  #failedAt = Number.NEGATIVE_INFINITY
  #listing: Promise<void> | undefined
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

  /** What a tool answered, or what the model is to be told instead. Never rejects. */
  async call(
    tool: string,
    input: Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<{ readonly text: string; readonly isError: boolean }> {
    try {
      const { timeoutMs: timeout } = this.server
      const result = await this.#use(client =>
        client.callTool(
          { name: tool, arguments: input },
          { signal, timeout, maxTotalTimeout: timeout },
        ),
      )
      return { text: toolText(result), isError: result.isError === true }
    } catch (error) {
      // It may have been done all the same.
      if (signal.aborted) return { text: problemText('the caller has left'), isError: true }
      // SECURITY: what a server says of a call may repeat what the model put in,
      // so it goes to the model and not to the log.
      if (isAnswer(error)) return { text: problemText(error.message), isError: true }
      this.#options.onProblem(describeError(error))
      return { text: problemText('the server could not be used'), isError: true }
    }
  }

  /** Nobody new will come; whoever came before may call tools to the end. */
  async retire(): Promise<void> {
    this.#retired = true
    const session = this.#session
    this.#session = undefined
    if (session?.users === 0) await close(session)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.retire()
    this.#options.close()
  }

  async #list(): Promise<void> {
    try {
      const options = { timeout: CONNECT_MS }
      const { tools } = await this.#use(client => client.listTools(undefined, options))
      this.#tools = tools.filter(({ name }) => this.#isAllowed(name))
      this.#listedAt = this.#options.clock.monotonic()
    } catch (error) {
      this.#failedAt = this.#options.clock.monotonic()
      this.#tools = []
      this.#options.onProblem(describeError(error))
    }
  }

  async #use<T>(ask: (client: Client) => Promise<T>): Promise<T> {
    const session = this.#session ?? (await this.#connected())
    session.users += 1
    try {
      return await ask(session.client)
    } catch (error) {
      // A session that its server has forgotten would fail for ever.
      if (!isAnswer(error)) this.#forget(session)
      throw error
    } finally {
      session.users -= 1
      if (this.#retired) this.#forget(session)
      if (session !== this.#session && session.users === 0) await close(session)
    }
  }

  #forget(session: Session): void {
    if (this.#session === session) this.#session = undefined
  }

  #connected(): Promise<Session> {
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined
    })
    return this.#connecting
  }

  async #connect(): Promise<Session> {
    const { fetch, version } = this.#options
    // Loaded when it is first needed: most daemons have no such servers.
    const { Client, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client')
    const client = new Client({ name: 'aibridgeproxyd', version })
    const transport = new StreamableHTTPClientTransport(new URL(this.url), {
      fetch,
    })
    await client.connect(transport, { timeout: CONNECT_MS })
    this.#session = { client, users: 0 }
    return this.#session
  }

  #isAllowed(tool: string): boolean {
    const { allow, deny } = this.server
    return (allow?.test(tool) ?? true) && !(deny?.test(tool) ?? false)
  }
}

/** It is given up either way. */
async function close({ client }: Session): Promise<void> {
  await client.close().catch(() => undefined)
}

/** A refusal of the server's own, in a session that is as good as before. */
function isAnswer(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ProtocolError'
}

/** A model repeats what it is told: the server's own words, but nothing of our network. */
/** What the model reads in place of a result. */
export function problemText(problem: string): string {
  return `Error calling tool: ${problem}`
}
