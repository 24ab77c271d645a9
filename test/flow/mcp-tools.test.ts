import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { ANSWER_TEXT, ANSWER_USAGE } from '../support/dialects/answer.ts'
import { startMcpServer, type TestMcpServer } from '../support/mcp-server.ts'
import { type AiWorld, ANTHROPIC, OPENAI, openIntercepted, startAiWorld } from './ai-world.ts'
import { lastCall, rowOf } from './rows.ts'
import { type Answer, exchangeOn, post } from './wire.ts'

const TOOL = 'bmcp_docs_search'

interface Dialect {
  readonly authority: string
  readonly path: string
  readonly body: object
}

const DIALECTS: Readonly<Record<string, Dialect>> = {
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

async function ask(world: AiWorld, { authority, path, body }: Dialect): Promise<Answer> {
  const socket = await openIntercepted(world.daemon, { authority })
  const host = authority.slice(0, authority.lastIndexOf(':'))
  const answer = await exchangeOn(socket, post(path, host, JSON.stringify(body)))
  socket.destroy()
  return answer
}

/** A daemon that offers the tools of a server of its own. */
async function startToolWorld(
  servers: (url: string) => string,
): Promise<{ world: AiWorld; tools: TestMcpServer } & AsyncDisposable> {
  await using opened = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'aibridge-mcp-'))
  opened.defer(() => rm(folder, { recursive: true }))
  const tools = opened.use(await startMcpServer())
  const file = join(folder, 'mcp.yaml')
  await writeFile(join(folder, 'token'), 'mcp-secret\n')
  await writeFile(file, servers(tools.url).replace('TOKEN', join(folder, 'token')))
  const world = opened.use(
    await startAiWorld({
      env: {
        CODER_AIBRIDGE_INJECT_CODER_MCP_TOOLS: 'true',
        CODER_AIBRIDGE_MCP_SERVERS_FILE: file,
      },
    }),
  )
  const keep = opened.move()
  return { world, tools, [Symbol.asyncDispose]: () => keep.disposeAsync() }
}

const SERVERS = (url: string): string =>
  `servers:\n  - {name: docs, url: "${url}", token_file: TOKEN, deny: ^delete_}\n`

describe('tools of an MCP server', () => {
  let opened: Awaited<ReturnType<typeof startToolWorld>>
  before(async () => {
    opened = await startToolWorld(SERVERS)
  })
  after(() => opened[Symbol.asyncDispose]())

  for (const [name, dialect] of Object.entries(DIALECTS)) {
    for (const stream of [true, false]) {
      it(`are called for the model in ${stream ? 'a stream of ' : ''}${name}, and the client sees one answer`, async () => {
        const { world, tools } = opened
        const call = { id: `call_${name}_${stream}`, name: TOOL, input: { q: 'the sky' } }
        world.provider.script(() => ({ toolCall: call }))
        const [called, seen] = [tools.calls.length, world.provider.exchanges.length]
        const events = world.daemon.events.length
        const answer = await ask(world, { ...dialect, body: { ...dialect.body, stream } })

        assert.equal(answer.status, 200)
        for (const word of ANSWER_TEXT.split(' '))
          assert.ok(answer.text.includes(word), answer.text)
        assert.ok(!answer.text.includes(TOOL), answer.text)
        assert.deepEqual(tools.calls.slice(called), [{ name: 'search', input: { q: 'the sky' } }])
        const [first = '', second = '', ...more] = world.provider.exchanges
          .slice(seen)
          .map(({ request }) => request.text)
        assert.deepEqual(more, [])
        assert.ok(first.includes(TOOL), first)
        assert.ok(!first.includes('delete_all'), first)
        assert.ok(second.includes('found the sky'), second)

        const row = await rowOf(world, await lastCall(world, events))
        const [tokens] = row.tokens
        assert.equal(row.tokens.length, 1)
        assert.equal(tokens?.output, 2 * ANSWER_USAGE.output)
        assert.deepEqual(
          row.tools.map(({ tool, injected, invocationError, serverUrl }) => [
            tool,
            injected,
            invocationError,
            serverUrl,
          ]),
          [['search', true, null, tools.url]],
        )
      })
    }
  }

  it("are left to the client when they are the client's own", async () => {
    const { world, tools } = opened
    world.provider.script(() => ({ toolCall: { id: 'c', name: 'Read', input: { path: 'x' } } }))
    const called = tools.calls.length
    const { text } = await ask(world, DIALECTS['messages'] ?? assert.fail())
    assert.ok(text.includes('"Read"'), text)
    assert.equal(tools.calls.length, called)
  })

  it('tell the model what went wrong when one fails', async () => {
    const { world } = opened
    const call = { id: 'call_f', name: 'bmcp_docs_fail', input: {} }
    world.provider.script(() => ({ toolCall: call }))
    const [seen, events] = [world.provider.exchanges.length, world.daemon.events.length]
    await ask(world, DIALECTS['messages'] ?? assert.fail())
    const second = world.provider.exchanges[seen + 1]?.request.text ?? ''
    assert.match(second, /no such document/)
    assert.match(second, /"is_error":true/)
    const row = await rowOf(world, await lastCall(world, events))
    assert.match(row.tools[0]?.invocationError ?? '', /no such document/)
  })

  it('get the token of the file, and nobody else does', () => {
    const { world, tools } = opened
    assert.ok(tools.authorizations.every(value => value === 'Bearer mcp-secret'))
    assert.equal(world.provider.sawInHeaders('mcp-secret'), false)
  })

  it("pass the provider's refusal on when it will not go on", async () => {
    const { world } = opened
    const call = { id: 'call_r', name: TOOL, input: { q: 'x' } }
    const dialect = DIALECTS['messages'] ?? assert.fail()
    const script = (): void => {
      let asked = 0
      world.provider.script(() => (asked++ === 0 ? { toolCall: call } : { status: 529 }))
    }
    script()
    // What the model had said by then is paid for.
    const assertCounted = async (events: number): Promise<void> => {
      const row = await rowOf(world, await lastCall(world, events))
      assert.deepEqual(
        row.tokens.map(({ output }) => output),
        [ANSWER_USAGE.output],
      )
      assert.equal(row.tools.length, 1)
    }
    const atStart = world.daemon.events.length
    const whole = await ask(world, dialect)
    assert.equal(whole.status, 529)
    await assertCounted(atStart)
    script()
    const between = world.daemon.events.length
    const stream = await ask(world, { ...dialect, body: { ...dialect.body, stream: true } })
    assert.equal(stream.status, 200)
    assert.match(stream.text, /event: error\ndata: .*overloaded_error/)
    await assertCounted(between)
  })
})

describe('an MCP server that is not there', () => {
  it('costs no call anything but its tools', async () => {
    await using opened = await startToolWorld(
      () => 'servers:\n  - {name: gone, url: "http://127.0.0.1:1/mcp"}\n',
    )
    const { world } = opened
    const dialect = DIALECTS['messages'] ?? assert.fail()
    const answer = await ask(world, dialect)
    assert.equal(answer.status, 200)
    assert.equal(world.provider.exchanges[0]?.request.text, JSON.stringify(dialect.body))
  })
})
