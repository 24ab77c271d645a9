// Asks one question through a vendor's SDK and prints what passed, as JSON:
// { text, sent, received, arrivals } with SHA-256 of both bodies as the SDK
// sent and got them, and the wall-clock time at which each piece of text came.
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [sdk, mode, installDir] = process.argv.slice(2)
const { resolve } = createRequire(join(installDir, 'package.json'))
const seen = { sent: '', received: createHash('sha256') }
const arrivals = []

async function hashingFetch(url, init) {
  seen.sent = createHash('sha256').update(init.body).digest('hex')
  const response = await fetch(url, init)
  const tap = new TransformStream({
    transform(chunk, controller) {
      seen.received.update(chunk)
      controller.enqueue(chunk)
    },
  })
  const { status, statusText, headers } = response
  return new Response(response.body.pipeThrough(tap), { status, statusText, headers })
}

function arrived(text) {
  if (text) arrivals.push(performance.timeOrigin + performance.now())
  return text ?? ''
}

async function collect(stream, textOf) {
  let text = ''
  for await (const event of stream) text += arrived(textOf(event))
  return text
}

const load = async name => (await import(pathToFileURL(resolve(name)).href)).default
const messages = [{ role: 'user', content: 'say hi' }]

const ASK = {
  async anthropic(stream) {
    const client = new (await load('@anthropic-ai/sdk'))({ fetch: hashingFetch })
    const request = { model: 'claude-sonnet-4-5', max_tokens: 64, messages, stream }
    const answer = await client.messages.create(request)
    return stream ? collect(answer, event => event.delta?.text) : answer.content[0].text
  },
  async openai(stream) {
    const client = new (await load('openai'))({ fetch: hashingFetch })
    const answer = await client.chat.completions.create({ model: 'gpt-5', messages, stream })
    if (!stream) return answer.choices[0].message.content
    return collect(answer, event => event.choices[0]?.delta.content)
  },
  async responses(stream) {
    const client = new (await load('openai'))({ fetch: hashingFetch })
    const answer = await client.responses.create({ model: 'gpt-5', input: 'say hi', stream })
    if (!stream) return answer.output_text
    return collect(answer, event =>
      event.type === 'response.output_text.delta' ? event.delta : undefined,
    )
  },
}

const text = await ASK[sdk](mode === 'stream')
const received = seen.received.digest('hex')
process.stdout.write(JSON.stringify({ text, sent: seen.sent, received, arrivals }))
