// Offers a tool through a vendor's SDK, answers the model's call of it, and
// prints as JSON what came of it: { called: { id, name, input }, text }.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [sdk, mode, installDir] = process.argv.slice(2)
const { resolve } = createRequire(join(installDir, 'package.json'))
const load = async name => (await import(pathToFileURL(resolve(name)).href)).default

const RESULT = 'sunny'
const user = { role: 'user', content: 'say hi' }
const parameters = { type: 'object', properties: { place: { type: 'string' } } }
const tool = { name: 'look_up', description: 'Looks it up.' }

const ASK = {
  async anthropic(stream) {
    const { messages } = new (await load('@anthropic-ai/sdk'))()
    const tools = [{ ...tool, input_schema: parameters }]
    const ask = turns => {
      const request = { model: 'claude-sonnet-4-5', max_tokens: 64, tools, messages: turns }
      return stream ? messages.stream(request).finalMessage() : messages.create(request)
    }
    const { content } = await ask([user])
    const [{ id, name, input }] = content
    const result = { type: 'tool_result', tool_use_id: id, content: RESULT }
    const turns = [user, { role: 'assistant', content }, { role: 'user', content: [result] }]
    return { called: { id, name, input }, text: (await ask(turns)).content[0].text }
  },
  async openai(stream) {
    const { completions } = new (await load('openai'))().chat
    const tools = [{ type: 'function', function: { ...tool, parameters } }]
    const ask = async messages => {
      const request = { model: 'gpt-5', tools, messages }
      const answer = await (stream
        ? completions.stream(request).finalChatCompletion()
        : completions.create(request))
      return answer.choices[0].message
    }
    const message = await ask([user])
    const [{ id, function: made }] = message.tool_calls
    const result = { role: 'tool', tool_call_id: id, content: RESULT }
    const text = (await ask([user, message, result])).content
    return { called: { id, name: made.name, input: JSON.parse(made.arguments) }, text }
  },
  async responses(stream) {
    const { responses } = new (await load('openai'))()
    const tools = [{ type: 'function', ...tool, parameters, strict: false }]
    const ask = input => {
      const request = { model: 'gpt-5', tools, input }
      return stream ? responses.stream(request).finalResponse() : responses.create(request)
    }
    const { output } = await ask([user])
    const { call_id: id, name, arguments: json } = output[0]
    const made = { type: 'function_call', call_id: id, name, arguments: json }
    const result = { type: 'function_call_output', call_id: id, output: RESULT }
    const text = (await ask([user, made, result])).output_text
    return { called: { id, name, input: JSON.parse(json) }, text }
  },
}

process.stdout.write(JSON.stringify(await ASK[sdk](mode === 'stream')))
