import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { anthropicTools } from '../../../src/bridge/tools/anthropic-tools.ts'
import { chatTools } from '../../../src/bridge/tools/chat-tools.ts'
import { responsesTools } from '../../../src/bridge/tools/responses-tools.ts'
import { entriesOf, isOffered, shown, TOOL } from './support.ts'

const start = (usage: object): object => ({ type: 'message_start', message: { id: 'm', usage } })
const block = (index: number, content_block: object): object => ({
  type: 'content_block_start',
  index,
  content_block,
})
const delta = (index: number, value: object): object => ({
  type: 'content_block_delta',
  index,
  delta: value,
})
const stop = (index: number): object => ({ type: 'content_block_stop', index })
const end = (stop_reason: string, usage: object): object[] => [
  { type: 'message_delta', delta: { stop_reason }, usage },
  { type: 'message_stop' },
]
const use = (index: number, name: string): object[] => [
  block(index, { type: 'tool_use', id: `t${index}`, name, input: {} }),
  delta(index, { type: 'input_json_delta', partial_json: '{"q":' }),
  delta(index, { type: 'input_json_delta', partial_json: '"a"}' }),
  stop(index),
]
const say = (index: number, text: string): object[] => [
  block(index, { type: 'text', text: '' }),
  delta(index, { type: 'text_delta', text }),
  stop(index),
]

describe("Anthropic's stream with a tool of ours", () => {
  it('is one message: our call left out, places counted on, usage of all together', () => {
    const merge = anthropicTools.merge(isOffered)
    const first = [
      start({
        input_tokens: 10,
        output_tokens: 1,
        cache_creation: { ephemeral_5m_input_tokens: 2 },
      }),
      ...say(0, 'Let me look.'),
      ...use(1, TOOL.name),
    ]
    const seen = shown(merge, [...first, ...end('tool_use', { output_tokens: 20 })])
    assert.deepEqual(seen, first.slice(0, 4))
    assert.deepEqual(entriesOf(merge.turn()), [
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'Let me look.' },
          { type: 'tool_use', id: 't1', name: TOOL.name, input: { q: 'a' } },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 't1', content: [{ type: 'text', text: 'result' }] },
        ],
      },
    ])

    const last = [
      start({
        input_tokens: 30,
        output_tokens: 1,
        cache_creation: { ephemeral_5m_input_tokens: 1 },
      }),
      ...say(0, 'Found.'),
      ...end('end_turn', { output_tokens: 5 }),
    ]
    assert.deepEqual(shown(merge, last), [
      ...say(1, 'Found.'),
      {
        type: 'message_delta',
        delta: { stop_reason: 'end_turn' },
        usage: {
          input_tokens: 40,
          output_tokens: 25,
          cache_creation: { ephemeral_5m_input_tokens: 3 },
        },
      },
      { type: 'message_stop' },
    ])
    assert.equal(merge.turn(), undefined)
  })

  it('gives the client its turn when one of its own tools was called as well', () => {
    const merge = anthropicTools.merge(isOffered)
    const events = [...use(0, TOOL.name), ...use(1, 'own'), ...end('tool_use', {})]
    assert.deepEqual(shown(merge, events).slice(0, 1), [
      block(0, { type: 'tool_use', id: 't1', name: 'own', input: {} }),
    ])
    assert.equal(merge.turn(), undefined)
  })

  it('is not touched where none of ours is called', () => {
    const merge = anthropicTools.merge(isOffered)
    const data = ' {"type":"message_delta", "delta":{"stop_reason":"tool_use"}} '
    const event = { name: 'message_delta', data }
    assert.deepEqual(shown(merge, use(0, 'own')), use(0, 'own'))
    assert.equal(merge.event(event)[0], event)
    assert.equal(merge.turn(), undefined)
  })

  it('gives thoughts back with their signatures', () => {
    const merge = anthropicTools.merge(isOffered)
    shown(merge, [
      block(0, { type: 'thinking', thinking: '' }),
      delta(0, { type: 'thinking_delta', thinking: 'hm' }),
      delta(0, { type: 'signature_delta', signature: 'sig' }),
      ...use(1, TOOL.name),
      ...end('tool_use', {}),
    ])
    const [assistant] = entriesOf(merge.turn())
    assert.deepEqual(assistant, {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'hm', signature: 'sig' },
        { type: 'tool_use', id: 't1', name: TOOL.name, input: { q: 'a' } },
      ],
    })
  })

  it('is the same in one piece', () => {
    const merge = anthropicTools.merge(isOffered)
    const text = { type: 'text', text: 'Look.' }
    const ours = { type: 'tool_use', id: 't', name: TOOL.name, input: { q: 1 } }
    merge.answer({ stop_reason: 'tool_use', content: [text, ours], usage: { input_tokens: 1 } })
    assert.deepEqual(merge.turn()?.calls, [{ id: 't', name: TOOL.name, input: '{"q":1}' }])
    const found = { type: 'text', text: 'Found.' }
    merge.answer({
      id: 'm2',
      stop_reason: 'end_turn',
      content: [found],
      usage: { input_tokens: 2 },
    })
    assert.equal(merge.turn(), undefined)
    assert.deepEqual(merge.result(), {
      id: 'm2',
      stop_reason: 'end_turn',
      content: [text, found],
      usage: { input_tokens: 3 },
    })
  })
})

const chunk = (id: string, choice: object | undefined, rest: object = {}): object => ({
  id,
  created: 1,
  choices: choice === undefined ? [] : [{ index: 0, finish_reason: null, ...choice }],
  ...rest,
})
const called = (id: string, index: number, name: string): object[] => [
  chunk(id, {
    delta: { tool_calls: [{ index, id: `c${index}`, function: { name, arguments: '' } }] },
  }),
  chunk(id, { delta: { tool_calls: [{ index, function: { arguments: '{"q":1}' } }] } }),
]

describe('a chat stream with a tool of ours', () => {
  it('is one message: our call left out, one head, usage of all together', () => {
    const merge = chatTools.merge(isOffered)
    const hello = chunk('a', { delta: { role: 'assistant', content: 'Let me look. ' } })
    const first = [
      hello,
      ...called('a', 0, TOOL.name),
      chunk('a', { delta: {}, finish_reason: 'tool_calls' }),
      chunk('a', undefined, { usage: { prompt_tokens: 3, details: { cached: 1 } } }),
    ]
    assert.deepEqual(shown(merge, first), [hello])
    assert.deepEqual(merge.event({ name: undefined, data: '[DONE]' }), [])
    assert.deepEqual(entriesOf(merge.turn()), [
      {
        role: 'assistant',
        content: 'Let me look. ',
        tool_calls: [
          { id: 'c0', type: 'function', function: { name: TOOL.name, arguments: '{"q":1}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'c0', content: 'result' },
    ])
    const last = [
      chunk('b', { delta: { role: 'assistant', content: 'Found.' } }),
      chunk('b', { delta: {}, finish_reason: 'stop' }),
      chunk('b', undefined, { usage: { prompt_tokens: 4, details: { cached: 2 } } }),
    ]
    assert.deepEqual(shown(merge, last), [
      chunk('a', { delta: { content: 'Found.' } }),
      chunk('a', { delta: {}, finish_reason: 'stop' }),
      chunk('a', undefined, { usage: { prompt_tokens: 7, details: { cached: 3 } } }),
    ])
    const done = { name: undefined, data: '[DONE]' }
    assert.deepEqual(merge.event(done), [done])
  })

  it('gives the client its turn when one of its own tools was called as well', () => {
    const merge = chatTools.merge(isOffered)
    const own = called('a', 1, 'own')
    const last = chunk('a', { delta: {}, finish_reason: 'tool_calls' })
    assert.deepEqual(shown(merge, [...called('a', 0, TOOL.name), ...own, last]), [
      ...called('a', 0, 'own').map(renamed),
      last,
    ])
    assert.equal(merge.turn(), undefined)
  })

  it('is the same in one piece', () => {
    const merge = chatTools.merge(isOffered)
    const call = { id: 'c', type: 'function', function: { name: TOOL.name, arguments: '{}' } }
    merge.answer({
      id: 'a',
      choices: [{ finish_reason: 'tool_calls', message: { content: null, tool_calls: [call] } }],
      usage: { prompt_tokens: 1 },
    })
    assert.deepEqual(merge.turn()?.calls, [{ id: 'c', name: TOOL.name, input: '{}' }])
    merge.answer({
      id: 'b',
      choices: [{ finish_reason: 'stop', message: { content: 'Found.' } }],
      usage: { prompt_tokens: 2 },
    })
    assert.equal(merge.turn(), undefined)
    assert.deepEqual(merge.result(), {
      id: 'a',
      created: undefined,
      choices: [{ finish_reason: 'stop', message: { content: 'Found.' } }],
      usage: { prompt_tokens: 3 },
    })
  })
})

/** The call at place 1 keeps its id when it is the only one that is shown. */
function renamed(value: object): object {
  return JSON.parse(JSON.stringify(value).replace('"c0"', '"c1"'))
}

const item = (type: string, rest: object = {}): object => ({ type, ...rest })
const ours = item('function_call', { call_id: 'c', name: TOOL.name, arguments: '{"q":1}' })
const text = (words: string): object => item('message', { content: [{ text: words }] })
const event = (type: string, sequence_number: number, rest: object): object => ({
  type: `response.${type}`,
  sequence_number,
  ...rest,
})

describe('a Responses stream with a tool of ours', () => {
  it('is one response: our item left out, numbers counted on, usage of all together', () => {
    const merge = responsesTools.merge(isOffered)
    const first = [
      event('created', 0, { response: { id: 'r1' } }),
      event('output_item.added', 1, { output_index: 0, item: text('') }),
      event('output_item.done', 2, { output_index: 0, item: text('Look.') }),
      event('output_item.added', 3, { output_index: 1, item: ours }),
      event('function_call_arguments.delta', 4, { output_index: 1, delta: '{' }),
      event('output_item.done', 5, { output_index: 1, item: ours }),
      event('completed', 6, {
        response: {
          id: 'r1',
          status: 'completed',
          output: [text('Look.'), ours],
          usage: { input_tokens: 3 },
        },
      }),
    ]
    assert.deepEqual(shown(merge, first), first.slice(0, 3))
    assert.deepEqual(entriesOf(merge.turn()), [
      text('Look.'),
      ours,
      { type: 'function_call_output', call_id: 'c', output: 'result' },
    ])
    const whole = { id: 'r2', status: 'completed', output: [text('Found.')] }
    const last = [
      event('created', 0, { response: { id: 'r2' } }),
      event('output_item.added', 1, { output_index: 0, item: text('') }),
      event('completed', 2, { response: { ...whole, usage: { input_tokens: 4 } } }),
    ]
    assert.deepEqual(shown(merge, last), [
      event('output_item.added', 3, { output_index: 1, item: text('') }),
      event('completed', 4, {
        response: {
          ...whole,
          output: [text('Look.'), text('Found.')],
          usage: { input_tokens: 7 },
        },
      }),
    ])
    assert.equal(merge.turn(), undefined)
  })

  it('does not repeat what the provider would not know again', () => {
    const merge = responsesTools.merge(isOffered)
    const opaque = item('reasoning', { id: 'rs_1' })
    const open = item('reasoning', { id: 'rs_2', encrypted_content: 'x' })
    merge.answer({ status: 'completed', store: false, output: [opaque, open, ours] })
    assert.deepEqual(entriesOf(merge.turn()).slice(0, 2), [open, ours])
  })

  it('gives the client its turn when one of its own tools was called as well', () => {
    const merge = responsesTools.merge(isOffered)
    const own = item('local_shell_call', { call_id: 'd' })
    merge.answer({ status: 'completed', output: [ours, own] })
    assert.equal(merge.turn(), undefined)
    assert.deepEqual(merge.result()['output'], [own])
  })
})

describe('a stream of Chat Completions that fails after a call of ours', () => {
  it('still tells what the answers cost that were left out', () => {
    const merge = chatTools.merge(isOffered)
    const call = { index: 0, id: 'c', function: { name: TOOL.name, arguments: '{}' } }
    const usage = { prompt_tokens: 10, completion_tokens: 2 }
    shown(merge, [
      { id: 'x', created: 1, choices: [{ index: 0, delta: { tool_calls: [call] } }] },
      { id: 'x', created: 1, choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] },
      { id: 'x', created: 1, choices: [], usage },
    ])
    assert.ok(merge.turn())
    const told = merge.failure({ error: { message: 'overloaded' } })
    assert.deepEqual(
      told.map(({ data }): unknown => JSON.parse(data)),
      [
        { id: 'x', created: 1, object: 'chat.completion.chunk', choices: [], usage },
        { error: { message: 'overloaded' } },
      ],
    )
  })
})
