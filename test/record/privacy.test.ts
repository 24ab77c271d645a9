import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ended, intent, openRecorder, request, response } from './books-support.ts'

const PROMPT = 'canary-prompt-7719'
const THOUGHT = 'canary-thought-3301'
const SECRET = ['sk-', 'ant-api03-canarycanarycanarycanary'].join('')

function everything(directory: string): string {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map(name => join(directory, name))
    .filter(path => statSync(path).isFile())
    .map(path => readFileSync(path, 'latin1'))
    .join('\n')
}

async function keep(t: Parameters<typeof openRecorder>[0], prompts: 'true' | 'false' | 'redacted') {
  const opened = await openRecorder(t, { settings: { prompts, structuredLogging: true } })
  const { recorder } = opened
  const call = intent({ userAgent: `cli ${SECRET}` })
  await recorder.begin(call)
  recorder.request(call.callId, request({ prompt: `${PROMPT} with ${SECRET}` }))
  const errorMessage = `Incorrect API key provided: ${SECRET}`
  recorder.response(
    call.callId,
    response({
      tools: [{ callId: 't', name: 'Bash', input: `{"key":"${SECRET}","q":1}`, serverUrl: null }],
      thoughts: [{ content: `${THOUGHT} ${SECRET}`, source: 'thinking' }],
      errorType: 'authentication_error',
      errorMessage,
    }),
  )
  recorder.finish(ended(call))
  await recorder.flush()
  return { ...opened, files: everything(opened.stateDir), log: opened.lines.join('\n') }
}

test('without prompts neither the files nor the log hold a prompt, a thought or a secret', async t => {
  const { files, log, rows } = await keep(t, 'false')
  for (const text of [files, log]) {
    for (const canary of [PROMPT, THOUGHT, SECRET]) assert.equal(text.includes(canary), false)
  }
  assert.equal(rows('SELECT tool FROM tool_usages')[0]?.['tool'], 'Bash', 'what was done stays')
})

test('redacted, the text is kept and the secrets are not', async t => {
  const { files, log } = await keep(t, 'redacted')
  for (const text of [files, log]) {
    assert.ok(text.includes(PROMPT))
    assert.ok(text.includes(THOUGHT))
    assert.equal(text.includes(SECRET), false)
  }
})

test('whole, the text is kept as it was; what is no conversation is masked even so', async t => {
  const { rows } = await keep(t, 'true')
  assert.equal(rows('SELECT prompt FROM user_prompts')[0]?.['prompt'], `${PROMPT} with ${SECRET}`)
  const [row] = rows('SELECT user_agent, error_message FROM interceptions')
  assert.equal(JSON.stringify(row).includes(SECRET), false)
})
