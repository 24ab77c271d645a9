import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { requestFacts, UNKNOWN_REQUEST } from '../../../src/bridge/usage/request-facts.ts'
import type { RequestFacts, WireFormat } from '../../../src/kernel/usage.ts'

type Row = readonly [name: string, body: object, truth: Partial<RequestFacts>, path?: string]

const user = (content: unknown): object => ({ messages: [{ role: 'user', content }] })
const asked = (userId: unknown): object => ({ metadata: { user_id: userId } })

const ANTHROPIC: readonly Row[] = [
  ['a string', user('Hi'), { prompt: 'Hi' }],
  ['an empty string', user(''), { prompt: '' }],
  [
    'the last text block',
    user([
      { type: 'text', text: 'a' },
      { type: 'image', source: {} },
      { type: 'text', text: 'b' },
    ]),
    { prompt: 'b' },
  ],
  ['images only', user([{ type: 'image', source: {} }]), {}],
  ['no blocks', user([]), {}],
  ['no messages', { messages: [] }, {}],
  ['messages that are no list', { messages: 'Hi' }, {}],
  ['an assistant at the end', { messages: [{ role: 'assistant', content: 'x' }] }, {}],
  [
    'a model and a stream',
    { model: 'claude-x', stream: true },
    { model: 'claude-x', streaming: true },
  ],
  ['a stream that is no boolean', { stream: 'true' }, { streaming: false }],
  [
    'the last tool result of the last message',
    user([
      { type: 'tool_result', tool_use_id: 'toolu_1' },
      { type: 'tool_result', tool_use_id: 'toolu_2' },
    ]),
    { correlatingToolCallId: 'toolu_2' },
  ],
  [
    'a tool result with a text',
    user([
      { type: 'tool_result', tool_use_id: 'toolu_1' },
      { type: 'text', text: 'go on' },
    ]),
    { correlatingToolCallId: 'toolu_1', prompt: 'go on' },
  ],
  [
    'the prompt before a system message, which is no turn',
    {
      messages: [
        { role: 'user', content: 'say hi' },
        { role: 'system', content: '# Environment' },
      ],
    },
    { prompt: 'say hi' },
  ],
  ['a session as JSON', asked('{"device_id":"d","session_id":" s-1 "}'), { bodySessionId: 's-1' }],
  ['an empty session as JSON', asked('{"session_id":""}'), {}],
  ['JSON without a session', asked('{"device_id":"d"}'), {}],
  ['a session in a text', asked('user_ab_account_cd_session_0f-1'), { bodySessionId: '0f-1' }],
  ['a user id without a session', asked('somebody'), {}],
  ['a user id that is no text', asked(7), {}],
]

const CHAT: readonly Row[] = [
  ['a string', user('Hi'), { prompt: 'Hi' }],
  ['an empty string', user(''), {}],
  [
    'the last text part',
    user([
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b' },
      { type: 'image_url', image_url: {} },
    ]),
    { prompt: 'b' },
  ],
  [
    'a tool message',
    { messages: [{ role: 'tool', tool_call_id: 'call_1', content: 'x' }] },
    { correlatingToolCallId: 'call_1' },
  ],
  ['model and stream', { model: 'gpt-5', stream: true }, { model: 'gpt-5', streaming: true }],
]

const RESPONSES: readonly Row[] = [
  ['a string', { input: 'Hi' }, { prompt: 'Hi' }],
  ['an empty string', { input: '' }, { prompt: '' }],
  ['a user item with a string', { input: [{ role: 'user', content: 'Hi' }] }, { prompt: 'Hi' }],
  [
    'all texts of the last item',
    {
      input: [
        { role: 'user', content: 'before' },
        {
          type: 'message',
          role: 'user',
          content: [
            { type: 'input_text', text: 'a' },
            { type: 'input_image' },
            { type: 'input_text', text: 7 },
            { type: 'input_text', text: 'b' },
          ],
        },
      ],
    },
    { prompt: 'a\nb' },
  ],
  ['an assistant at the end', { input: [{ role: 'assistant', content: 'x' }] }, {}],
  [
    'a function output',
    { input: [{ type: 'function_call_output', call_id: 'call_1' }] },
    { correlatingToolCallId: 'call_1' },
  ],
  [
    'the output of a custom tool',
    { input: [{ type: 'custom_tool_call_output', call_id: 'call_1' }] },
    {},
  ],
  ['input of no known kind', { input: 7 }, {}],
]

const PATH = '/v1beta/models/gemini-3-pro:streamGenerateContent?alt=sse'
const GEMINI: readonly Row[] = [
  [
    'the last text',
    { contents: [{ role: 'user', parts: [{ text: 'a' }, { text: 'b' }] }] },
    { prompt: 'b' },
  ],
  ['no role', { contents: [{ parts: [{ text: 'a' }] }] }, { prompt: 'a' }],
  ['the model at the end', { contents: [{ role: 'model', parts: [{ text: 'a' }] }] }, {}],
  [
    'a function response',
    { contents: [{ role: 'user', parts: [{ functionResponse: { id: 'f1', name: 'x' } }] }] },
    { correlatingToolCallId: 'f1' },
  ],
  [
    'Code Assist',
    { model: 'm', request: { contents: [{ parts: [{ text: 'a' }] }] } },
    { model: 'm', prompt: 'a', streaming: false },
    '/v1internal:generateContent',
  ],
]

function run(
  format: WireFormat,
  rows: readonly Row[],
  base: Partial<RequestFacts>,
  path = '',
): void {
  describe(format, () => {
    for (const [name, body, truth, own] of rows) {
      it(`reads ${name}`, () => {
        const expected = { ...UNKNOWN_REQUEST, ...base, ...truth }
        assert.deepEqual(requestFacts(format, { ...body }, own ?? path), expected)
      })
    }
  })
}

describe('requests', () => {
  run('anthropic-messages', ANTHROPIC, { streaming: false })
  run('openai-chat', CHAT, { streaming: false })
  run('openai-responses', RESPONSES, { streaming: false })
  run('gemini', GEMINI, { model: 'gemini-3-pro', streaming: true }, PATH)
  run(
    'bedrock-messages',
    [['the model in the path', user('Hi'), { prompt: 'Hi' }]],
    { model: 'global.anthropic.claude-x:0', streaming: true },
    '/model/global.anthropic.claude-x%3A0/invoke-with-response-stream',
  )

  it('bounds names and prompts', () => {
    const long = 'x'.repeat(5_000_000)
    const facts = requestFacts('openai-responses', { model: long, input: long }, '')
    assert.equal(facts.model?.length, 256)
    assert.equal(facts.prompt?.length, 4 * 1024 * 1024)
  })
})
