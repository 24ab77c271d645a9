import { once } from 'node:events'
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import {
  fromJsonSchema,
  McpServer,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server'
import { listenOnLoopback } from './listen.ts'

/** A server of tools on loopback, made with the official library. */
export interface TestMcpServer extends AsyncDisposable {
  readonly url: string
  /** The calls of tools so far: their names and arguments. */
  readonly calls: readonly { readonly name: string; readonly input: unknown }[]
  /** The Authorization header of each request so far. */
  readonly authorizations: readonly (string | undefined)[]
}

/** Offers `search` (echoes its query), `fail` (throws), `hang` (never ends) and `delete_all`. */
export async function startMcpServer(): Promise<TestMcpServer> {
  const calls: { name: string; input: unknown }[] = []
  const authorizations: (string | undefined)[] = []
  const http = createServer((request, response) => {
    authorizations.push(request.headers.authorization)
    void (async () => {
      const server = tools(calls)
      const transport = new WebStandardStreamableHTTPServerTransport({
        sessionIdGenerator: undefined,
        enableJsonResponse: true,
      })
      await server.connect(transport)
      const hasBody = request.method === 'POST'
      const answer = await transport.handleRequest(
        new Request(`http://127.0.0.1${request.url ?? '/'}`, {
          method: request.method ?? 'GET',
          headers: Object.entries(request.headersDistinct).map(
            ([name, values]): [string, string] => [name, values?.join(', ') ?? ''],
          ),
          ...(hasBody && { body: Readable.toWeb(request), duplex: 'half' }),
        }),
      )
      response.writeHead(answer.status, Object.fromEntries(answer.headers))
      response.end(Buffer.from(await answer.arrayBuffer()))
    })().catch(() => response.destroy())
  })
  const port = await listenOnLoopback(http)
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    calls,
    authorizations,
    async [Symbol.asyncDispose]() {
      http.closeAllConnections()
      http.close()
      await once(http, 'close')
    },
  }
}

function tools(calls: { name: string; input: unknown }[]): McpServer {
  const server = new McpServer({ name: 'local', version: '1' })
  const inputSchema = fromJsonSchema<{ q?: string }>({
    type: 'object',
    properties: { q: { type: 'string' } },
  })
  server.registerTool('search', { description: 'Searches.', inputSchema }, input => {
    calls.push({ name: 'search', input })
    return { content: [{ type: 'text', text: `found ${input.q ?? ''}` }] }
  })
  server.registerTool('fail', { description: 'Fails.', inputSchema }, input => {
    calls.push({ name: 'fail', input })
    throw new Error('no such document')
  })
  server.registerTool('hang', { description: 'Hangs.', inputSchema }, input => {
    calls.push({ name: 'hang', input })
    return new Promise<never>(() => {})
  })
  server.registerTool('delete_all', { description: 'Deletes.', inputSchema }, () => ({
    content: [],
  }))
  return server
}
