import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { anthropicTools } from '../../../src/bridge/tools/anthropic-tools.ts'
import { chatTools } from '../../../src/bridge/tools/chat-tools.ts'
import { offeredName } from '../../../src/bridge/tools/offered-tool.ts'
import { responsesTools } from '../../../src/bridge/tools/responses-tools.ts'
import { offered, outgoing, TOOL } from './support.ts'

const ANTHROPIC_TOOL = { name: TOOL.name, description: 'Searches.', input_schema: TOOL.inputSchema }
const FUNCTION = { name: TOOL.name, description: 'Searches.', parameters: TOOL.inputSchema }

function parsed(text: string | undefined): unknown {
  return text === undefined ? undefined : JSON.parse(text)
}

describe('tools offered in a request', () => {
  it("stand before the client's own in Anthropic's, so that its cache mark stays last", () => {
    const body = {
      model: 'm',
      messages: [{ role: 'user', content: 'x' }],
      tools: [{ name: 'own' }],
    }
    assert.deepEqual(parsed(offered(anthropicTools, JSON.stringify(body))), {
      ...body,
      tools: [ANTHROPIC_TOOL, { name: 'own' }],
      tool_choice: { type: 'auto', disable_parallel_tool_use: true },
    })
  })

  it("stand behind the client's own in OpenAI's, one call at a time", () => {
    const chat = { messages: [], tools: [{ type: 'function', function: { name: 'own' } }] }
    assert.deepEqual(parsed(offered(chatTools, JSON.stringify(chat))), {
      messages: [],
      tools: [...chat.tools, { type: 'function', function: FUNCTION }],
      parallel_tool_calls: false,
    })
    assert.deepEqual(parsed(offered(responsesTools, '{"input":[]}')), {
      input: [],
      tools: [{ type: 'function', ...FUNCTION, strict: false }],
      parallel_tool_calls: false,
    })
  })

  it('leave every other byte as it was', () => {
    const head = '{ "temperature" : 1.0e0, "seed":12345678901234567890,"messages":[ ]  ,'
    const text = `${head}"tools":null, "x":"\\u00e9"}`
    const made = offered(anthropicTools, text) ?? ''
    assert.ok(made.startsWith(head), made)
    assert.ok(made.includes(', "x":"\\u00e9",'), made)
  })

  it('copy nothing of a long prompt', () => {
    const long = Buffer.from('x'.repeat(1024 * 1024))
    const pieces = [Buffer.from('{"messages":["'), long, Buffer.from('"]}')]
    for (const dialect of [anthropicTools, chatTools]) {
      const made = outgoing(dialect, pieces, ['"y"']) ?? []
      assert.ok(made.some(({ buffer, length }) => buffer === long.buffer && length === long.length))
      assert.ok(String(Buffer.concat(made)).includes('x","y"]'))
    }
  })

  it('keep what the client wants of its choice of tools', () => {
    const choice = { type: 'tool', name: 'own' }
    const text = JSON.stringify({ messages: [], tools: [], tool_choice: choice })
    assert.deepEqual(parsed(offered(anthropicTools, text)), {
      messages: [],
      tools: [ANTHROPIC_TOOL],
      tool_choice: { ...choice, disable_parallel_tool_use: true },
    })
  })

  it('go on with the conversation at its end', () => {
    assert.deepEqual(
      parsed(offered(chatTools, '{"messages":[1],"stream":true}', ['2', '3'])),
      parsed(offered(chatTools, '{"messages":[1,2,3],"stream":true}')),
    )
    assert.deepEqual(
      parsed(offered(responsesTools, '{"input":"hi","model":"m"}', ['{"a":1}'])),
      parsed(
        offered(responsesTools, '{"input":[{"role":"user","content":"hi"},{"a":1}],"model":"m"}'),
      ),
    )
  })

  const untouched: readonly (readonly [what: string, make: () => string | undefined])[] = [
    [
      'the client wants no tool called',
      () => offered(anthropicTools, '{"messages":[],"tool_choice":{"type":"none"}}'),
    ],
    ['the same in OpenAI words', () => offered(chatTools, '{"messages":[],"tool_choice":"none"}')],
    [
      'there are two of a member that matters',
      () => offered(anthropicTools, '{"messages":[],"messages":[]}'),
    ],
    ['it asks for several answers', () => offered(chatTools, '{"messages":[],"n":2}')],
    ['it uses the old functions', () => offered(chatTools, '{"messages":[],"functions":[]}')],
    ['tools are no list', () => offered(anthropicTools, '{"messages":[],"tools":{}}')],
    ['there are no messages', () => offered(anthropicTools, '{"prompt":"x"}')],
    [
      'the provider keeps the conversation',
      () => offered(responsesTools, '{"input":[],"conversation":"c"}'),
    ],
    [
      'the provider would repeat too much of it',
      () => offered(responsesTools, `{"input":"","instructions":"${'x'.repeat(256 * 1024)}"}`),
    ],
    ['it runs in the background', () => offered(responsesTools, '{"input":[],"background":true}')],
    [
      'there are blanks without end',
      () => offered(chatTools, `{"messages":[${' '.repeat(70_000)}]}`),
    ],
    ['it is not JSON', () => offered(chatTools, '{"messages":[')],
  ]
  for (const [what, make] of untouched) {
    it(`are left out when ${what}`, () => {
      assert.equal(make(), undefined)
    })
  }
})

describe('the name of an offered tool', () => {
  it('names its server and is one that every provider takes', () => {
    assert.equal(offeredName('docs', 'search.all'), 'bmcp_docs_search_all')
    const long = offeredName('docs', 'x'.repeat(200))
    assert.match(long, /^[A-Za-z0-9_-]{1,64}$/)
    assert.notEqual(long, offeredName('docs', 'x'.repeat(201)))
  })
})
