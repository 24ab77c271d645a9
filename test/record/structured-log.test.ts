import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { logReference } from '../../src/record/log-reference.ts'
import { LOG_SCHEMA, logSchemaJson } from '../../src/record/log-schema.ts'
import { verifyChain } from '../../src/record/verify-chain.ts'
import type { OpenedRecorder } from './books-support.ts'
import {
  connectEnded,
  ended,
  intent,
  openRecorder,
  pick,
  request,
  response,
} from './books-support.ts'
import { checkAgainst } from './check-schema.ts'

const settings = { structuredLogging: true }

/** One call of everything there is. */
async function fullCall({ recorder }: OpenedRecorder): Promise<string> {
  const call = intent({ firewallSession: 'fw-1', firewallSequence: '7' })
  await recorder.begin(call)
  recorder.request(call.callId, request({ prompt: 'line\u2028 one\nline two' }))
  recorder.response(
    call.callId,
    response({
      tools: [{ callId: 'toolu_1', name: 'Bash', input: '{}', serverUrl: null }],
      thoughts: [{ content: 'hm', source: 'thinking' }],
    }),
  )
  recorder.finish(ended(call))
  recorder.connect(connectEnded())
  await recorder.flush()
  return call.callId
}

test('every record of a call is one line, and the lines fit the published schema', async t => {
  const opened = await openRecorder(t, { settings })
  const id = await fullCall(opened)
  const records = opened.lines.map(line => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual(
    records.map(record => record['record_type']),
    [
      'interception_start',
      'prompt_usage',
      'token_usage',
      'tool_usage',
      'model_thought',
      'interception_end',
      'connect',
    ],
  )
  for (const record of records) {
    assert.equal(record['msg'], 'interception log')
    assert.equal(record['level'], 'info')
    assert.deepEqual(checkAgainst(LOG_SCHEMA, record), [])
    if (record['record_type'] !== 'connect') assert.equal(record['interception_id'], id)
  }
  assert.equal(records[0]?.['model'], 'claude-opus-5')
  assert.deepEqual(records[0]?.['metadata'], {
    agent_firewall_session_id: 'fw-1',
    agent_firewall_sequence_number: '7',
  })
  assert.equal(
    opened.lines.some(line => /[\n\u2028]/.test(line)),
    false,
  )
})

test('a call whose request was never read has a start and an end all the same', async t => {
  const { recorder, lines } = await openRecorder(t, { settings })
  const call = intent({ kind: 'passthrough' })
  await recorder.begin(call)
  recorder.finish(ended(call))
  await recorder.flush()
  assert.deepEqual(
    lines.map(line => JSON.parse(line).record_type),
    ['interception_start', 'interception_end'],
  )
})

test('a tool that was called here has a line like those that clients call', async t => {
  const { recorder, lines } = await openRecorder(t, { settings })
  const call = intent()
  await recorder.begin(call)
  recorder.request(call.callId, request({ prompt: null }))
  const tool = { callId: 'toolu_1', name: 'search', input: '{}', serverUrl: 'https://mcp.example/' }
  recorder.tool(call.callId, { ...tool, invocation: { error: 'no' } }, 'msg_1')
  await recorder.flush()
  const record = JSON.parse(lines[1] ?? '') as Record<string, unknown>
  assert.deepEqual(checkAgainst(LOG_SCHEMA, record), [])
  assert.deepEqual(pick(record, 'record_type', 'msg_id', 'tool', 'injected', 'invocation_error'), [
    'tool_usage',
    'msg_1',
    'search',
    true,
    'no',
  ])
})

test('nothing is logged unless asked for', async t => {
  const opened = await openRecorder(t)
  await fullCall(opened)
  assert.deepEqual(opened.lines, [])
})

test('the page about the log is the one that the table makes', () => {
  const file = new URL('../../docs/reference/structured-log.md', import.meta.url)
  assert.equal(readFileSync(file, 'utf8'), logReference())
})

test('the schema in the documents is the one that the table makes', () => {
  const file = new URL('../../docs/schema/structured-log.schema.json', import.meta.url)
  assert.equal(readFileSync(file, 'utf8'), logSchemaJson())
})

async function* each(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines
}

test('a chain of lines shows what was changed, taken out, moved or put in', async t => {
  const opened = await openRecorder(t, { settings, chained: true })
  await fullCall(opened)
  await fullCall(opened)
  const { lines } = opened
  for (const line of lines) assert.deepEqual(checkAgainst(LOG_SCHEMA, JSON.parse(line)), [])
  const problems = async (changed: readonly string[]): Promise<readonly string[]> =>
    (await verifyChain(each(changed))).problems

  assert.deepEqual(await verifyChain(each(['{"msg":"ready"}', ...lines])), {
    lines: 14,
    chains: 1,
    problems: [],
    begunElsewhere: 0,
  })
  assert.deepEqual(await problems(lines.toSpliced(3, 1)), ['line 4: 1 before it are missing'])
  const edited = lines.map((line, index) => (index === 2 ? line.replace(':10,', ':11,') : line))
  assert.deepEqual(await problems(edited), ['line 3: was changed: its hash does not fit'])
  const [first = '', second = '', ...rest] = lines
  assert.match((await problems([second, first, ...rest])).join(), /line 2: is out of order/)
  assert.match((await problems([...lines, lines[5]!])).join(), /line 15: is out of order/)
  assert.equal((await verifyChain(each(lines.slice(5)))).begunElsewhere, 1)
})
