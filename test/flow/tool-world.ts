import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startMcpServer, type TestMcpServer } from '../support/mcp-server.ts'
import { type AiWorld, ANTHROPIC, OPENAI, startAiWorld } from './ai-world.ts'

/** A tool of the server below, as models know it. */
export const TOOL = 'bmcp_docs_search'

export interface ToolDialect {
  readonly authority: string
  readonly path: string
  readonly body: object
}

/** The formats in which tools are offered, and a request of each. */
export const DIALECTS: Readonly<Record<'messages' | 'chat' | 'responses', ToolDialect>> = {
  messages: {
    authority: ANTHROPIC,
    path: '/v1/messages',
    body: {
      model: 'claude-sonnet-4-5',
      max_tokens: 9,
      messages: [{ role: 'user', content: 'hi' }],
    },
  },
  chat: {
    authority: OPENAI,
    path: '/v1/chat/completions',
    body: { model: 'gpt-5', messages: [{ role: 'user', content: 'hi' }] },
  },
  responses: { authority: OPENAI, path: '/v1/responses', body: { model: 'gpt-5', input: 'hi' } },
}

export interface ToolWorld extends AsyncDisposable {
  readonly world: AiWorld
  readonly tools: TestMcpServer
}

/** The file of servers for one called `docs`. */
export const SERVERS = (url: string): string =>
  `servers:\n  - {name: docs, url: "${url}", token_file: TOKEN, deny: ^delete_}\n`

/** A daemon that offers the tools of a server of its own. */
export async function startToolWorld({
  servers = SERVERS,
  env = {},
}: {
  readonly servers?: (url: string) => string
  readonly env?: Readonly<Record<string, string>>
} = {}): Promise<ToolWorld> {
  await using opened = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'aibridge-mcp-'))
  opened.defer(() => rm(folder, { recursive: true }))
  const tools = opened.use(await startMcpServer())
  const world = opened.use(
    await startAiWorld({ env: { ...(await toolServersEnv(folder, tools, servers)), ...env } }),
  )
  const keep = opened.move()
  return { world, tools, [Symbol.asyncDispose]: () => keep.disposeAsync() }
}

/** The variables by which a daemon offers the tools of a server; their files are in `folder`. */
export async function toolServersEnv(
  folder: string,
  { url }: TestMcpServer,
  servers = SERVERS,
): Promise<Record<string, string>> {
  const file = join(folder, 'mcp.yaml')
  await writeFile(join(folder, 'token'), 'mcp-secret\n')
  await writeFile(file, servers(url).replace('TOKEN', join(folder, 'token')))
  return {
    CODER_AIBRIDGE_INJECT_CODER_MCP_TOOLS: 'true',
    CODER_AIBRIDGE_MCP_SERVERS_FILE: file,
  }
}
