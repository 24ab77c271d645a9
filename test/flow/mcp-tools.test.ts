import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { ANSWER_TEXT, ANSWER_USAGE } from '../support/dialects/answer.ts'
import { readToEnd } from '../support/raw-client.ts'
import { type AiWorld, openIntercepted } from './ai-world.ts'
import { lastCall, rowOf } from './rows.ts'
import { DIALECTS, startToolWorld, TOOL, type ToolDialect, type ToolWorld } from './tool-world.ts'
import { type Answer, exchangeOn, post } from './wire.ts'

async function ask(world: AiWorld, { authority, path, body }: ToolDialect): Promise<Answer> {
  const socket = await openIntercepted(world.daemon, { authority })
  const host = authority.slice(0, authority.lastIndexOf(':'))
  const answer = await exchangeOn(socket, post(path, host, JSON.stringify(body)))
  socket.destroy()
  return answer
}

describe('tools of an MCP server', () => {
  let opened: ToolWorld
  before(async () => {
    opened = await startToolWorld({
      env: {
        CODER_AIBRIDGE_CIRCUIT_BREAKER_ENABLED: 'true',
        CODER_AIBRIDGE_CIRCUIT_BREAKER_FAILURE_THRESHOLD: '3',
      },
    })
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
        assert.deepEqual(
          row.tokens.map(({ output }) => output),
          [ANSWER_USAGE.output, ANSWER_USAGE.output],
        )
        assert.equal(row.usageComplete, true)
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
    const { text } = await ask(world, DIALECTS.messages)
    assert.ok(text.includes('"Read"'), text)
    assert.equal(tools.calls.length, called)
  })

  it('tell the model what went wrong when one fails', async () => {
    const { world } = opened
    const call = { id: 'call_f', name: 'bmcp_docs_fail', input: {} }
    world.provider.script(() => ({ toolCall: call }))
    const [seen, events] = [world.provider.exchanges.length, world.daemon.events.length]
    await ask(world, DIALECTS.messages)
    const second = world.provider.exchanges[seen + 1]?.request.text ?? ''
    assert.match(second, /no such document/)
    assert.match(second, /"is_error":true/)
    const row = await rowOf(world, await lastCall(world, events))
    assert.match(row.tools[0]?.invocationError ?? '', /no such document/)
  })

  it('are on record when the client leaves while they run', async () => {
    const { world, tools } = opened
    const call = { id: 'call_h', name: 'bmcp_docs_hang', input: { q: 'x' } }
    world.provider.script(() => ({ toolCall: call }))
    const { authority, path, body } = DIALECTS.messages
    const events = world.daemon.events.length
    const socket = await openIntercepted(world.daemon, { authority })
    socket.write(post(path, 'api.anthropic.com', JSON.stringify(body)))
    while (tools.calls.at(-1)?.name !== 'hang') await new Promise(setImmediate)
    socket.destroy()
    const row = await rowOf(world, await lastCall(world, events))
    assert.equal(row.status, 'aborted')
    assert.equal(row.tokens.length, 1)
    assert.match(row.tools[0]?.invocationError ?? '', /the caller has left/)
  })

  it('are not called by the hundred', async () => {
    const { world, tools } = opened
    const tool_calls = Array.from({ length: 101 }, (_, index) => ({
      id: `call_${index}`,
      type: 'function',
      function: { name: TOOL, arguments: '{}' },
    }))
    const message = { role: 'assistant', content: null, tool_calls }
    const answer = { id: 'x', choices: [{ index: 0, message, finish_reason: 'tool_calls' }] }
    world.provider.script(() => ({ pieces: [JSON.stringify(answer)] }))
    const called = tools.calls.length
    const refused = await ask(world, DIALECTS.chat)
    assert.equal(refused.head.header('x-aibridge-reason'), 'too_many_tool_calls')
    assert.equal(tools.calls.length, called)
  })

  it('get the token of the file, and nobody else does', () => {
    const { world, tools } = opened
    assert.ok(tools.authorizations.every(value => value === 'Bearer mcp-secret'))
    assert.equal(world.provider.sawInHeaders('mcp-secret'), false)
  })

  it("pass the provider's refusal on when it will not go on", async () => {
    const { world } = opened
    const call = { id: 'call_r', name: TOOL, input: { q: 'x' } }
    const dialect = DIALECTS.messages
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

  it('show the circuit breaker each answer', async () => {
    const { world } = opened
    const call = { id: 'call_b', name: TOOL, input: { q: 'x' } }
    let asked = 0
    world.provider.script(() => (asked++ === 0 ? { toolCall: call } : { status: 529 }))
    const { body, ...rest } = DIALECTS.messages
    const streamed = { ...rest, body: { ...body, stream: true } }
    const statuses: number[] = []
    for (let i = 0; i < 4; i += 1) statuses.push((await ask(world, streamed)).status)
    // The first call was answered well and then refused.
    assert.deepEqual(statuses, [200, 529, 529, 503])

    world.provider.script(() => ({ cutAfter: 3 }))
    const { authority, path } = DIALECTS.chat
    const chat = JSON.stringify({ ...DIALECTS.chat.body, stream: true })
    for (let i = 0; i < 3; i += 1) {
      const socket = await openIntercepted(world.daemon, { authority })
      socket.write(post(path, 'api.openai.com', chat))
      await readToEnd(socket)
    }
    assert.equal((await ask(world, DIALECTS.chat)).status, 503)
  })
})

describe('an MCP server that is not there', () => {
  it('costs no call anything but its tools', async () => {
    await using opened = await startToolWorld({
      servers: () => 'servers:\n  - {name: gone, url: "http://127.0.0.1:1/mcp"}\n',
    })
    const { world } = opened
    const dialect = DIALECTS.messages
    const answer = await ask(world, dialect)
    assert.equal(answer.status, 200)
    assert.equal(world.provider.exchanges[0]?.request.text, JSON.stringify(dialect.body))
  })
})
