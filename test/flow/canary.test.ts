import assert from 'node:assert/strict'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { authorityFiles } from '../../src/ca/ensure-authority.ts'
import { createToken, startDaemonProcess } from '../support/daemon-process.ts'
import { startProvider } from '../support/provider.ts'
import { connectRaw, connectThrough, readHead, readToEnd } from '../support/raw-client.ts'
import { HOST_ANTHROPIC, openIntercepted, providersEnv } from './ai-world.ts'
import { exchangeOn, get, post, requestText } from './wire.ts'

/** Distinctive, and of the shape that each has in life. */
const CENTRAL = 'sk-ant-api03-CANARYcentralCANARYcentralCANARY-AA'
const OPENAI = 'sk-proj-CANARYopenaiCANARYopenaiCANARYopenai'
const OWN = 'sk-ant-api03-CANARYbyokCANARYbyokCANARYbyok-AA'
const IN_QUERY = 'AIzaCANARYqueryCANARYqueryCANARYquery123'
const WRONG = `aibp_${'CANARYwrong'.repeat(4).slice(0, 43)}`
const PROMPT = 'CANARYpromptCANARYprompt tell nobody'

/** Every file below a directory, whole. */
function filesUnder(directory: string): readonly (readonly [path: string, content: Buffer])[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .map(path => [path, readFileSync(path)] as const)
}

it('D09 D10 D13 D25 H05: no secret reaches any sink, at trace level and through every error', async () => {
  const scratch = mkdtempSync(join(tmpdir(), 'aibridge-canary-'))
  const secrets = join(scratch, 'secrets')
  const state = join(scratch, 'state')
  const dumps = join(scratch, 'dumps')
  mkdirSync(state, { mode: 0o700 })
  for (const [name, value] of [
    ['central', CENTRAL],
    ['openai', OPENAI],
  ] as const) {
    writeFileSync(`${secrets}-${name}`, `${value}\n`, { mode: 0o600 })
  }
  await using provider = await startProvider({ gapMs: 1 })
  await using daemon = await startDaemonProcess({
    stateDir: state,
    env: {
      ...providersEnv(
        { type: 'anthropic', url: provider.url },
        { type: 'openai', url: `${provider.url}/v1` },
      ),
      CODER_AIBRIDGE_PROVIDER_0_KEY_FILE: `${secrets}-central`,
      CODER_AIBRIDGE_PROVIDER_1_KEY_FILE: `${secrets}-openai`,
      CODER_AIBRIDGE_PROXY_LOG_LEVEL: 'trace',
      CODER_AIBRIDGE_RECORD_PROMPTS: 'false',
      CODER_AIBRIDGE_STRUCTURED_LOGGING: 'true',
      CODER_AIBRIDGE_PROXY_DUMP_DIR: join(dumps, 'client'),
      CODER_AIBRIDGE_DUMP_DIR: join(dumps, 'provider'),
    },
  })
  const token = await createToken(daemon, 'ada')
  const adminToken = await createToken(daemon, 'root', '--admin')
  const credentials = `ada:${token}`
  const caPem = readFileSync(authorityFiles(state).certFile, 'utf8')
  const said: Buffer[] = []
  const open = async () => await openIntercepted({ proxy: daemon.proxy, credentials, caPem })
  const call = async (request: Buffer): Promise<void> => {
    const socket = await open()
    said.push((await exchangeOn(socket, request)).body)
    socket.destroy()
  }
  const ask = (rest: object): string =>
    JSON.stringify({ model: 'claude', messages: [{ role: 'user', content: PROMPT }], ...rest })

  // What goes well.
  await call(post('/v1/messages', HOST_ANTHROPIC, ask({})))
  await call(post('/v1/messages', HOST_ANTHROPIC, ask({ stream: true })))
  await call(post('/v1/messages', HOST_ANTHROPIC, ask({}), [`X-Api-Key: ${OWN}`]))
  await call(get(`/v1/models?key=${IN_QUERY}`, HOST_ANTHROPIC))
  assert.ok(provider.sawInHeaders(CENTRAL) && provider.sawInHeaders(OWN))
  // What does not: refused by the provider, broken off, garbled, refused by us.
  provider.script(() => ({ status: 500 }))
  await call(post('/v1/messages', HOST_ANTHROPIC, ask({})))
  // An answer goes back as it is, whatever is in it (D09): the sinks are ours all the same.
  const echo = JSON.stringify({
    error: { type: 'authentication_error', message: `Incorrect API key provided: ${CENTRAL}` },
  })
  provider.script(() => ({ status: 401, pieces: [echo] }))
  await call(post('/v1/messages', HOST_ANTHROPIC, ask({})))
  assert.ok(said.pop()?.includes(CENTRAL))
  provider.script(() => ({ stallAfter: 1 }))
  const aborted = await open()
  aborted.write(post('/v1/messages', HOST_ANTHROPIC, ask({ stream: true })))
  await readHead(aborted)
  aborted.destroy()
  provider.script(undefined)
  await call(post('/v1/messages', 'other.example', ask({}), [`Authorization: Bearer ${OWN}`]))
  await call(post('/v1/../x', HOST_ANTHROPIC, ask({}), [`Authorization: Bearer ${token}`]))
  await call(requestText('BREW /', [`Host: ${HOST_ANTHROPIC}`, `X-Api-Key: ${OWN}`]))
  for (const target of [`ada:${token}@api.openai.com:443`, `${token}.example:443`, 'localhost:1']) {
    const { socket } = await connectThrough(daemon.proxy, target, { credentials })
    said.push(await readToEnd(socket))
    socket.destroy()
  }
  for (const wrong of [`ada:${WRONG}`, 'ada:', WRONG]) {
    const { socket } = await connectThrough(daemon.proxy, 'a.example:443', { credentials: wrong })
    said.push(await readToEnd(socket))
    socket.destroy()
  }
  const garbled = await connectRaw(daemon.proxy)
  garbled.write(`CONNECT a.example:443 HTTP/1.1\r\nProxy-Authorization : ${token}\r\n\r\n`)
  said.push(await readToEnd(garbled))
  await provider[Symbol.asyncDispose]()
  await call(post('/v1/messages', HOST_ANTHROPIC, ask({})))

  // Every page that an operator can read.
  for (const path of [
    '/metrics',
    '/readyz',
    '/api/v2/deployment/config',
    '/api/v2/users/me',
    '/api/v2/aibridge/interceptions',
    '/api/v2/aibridge/interceptions/export?format=csv',
    '/api/v2/aibridge/sessions',
    '/api/v2/none',
  ]) {
    for (const bearer of [adminToken, WRONG]) {
      const answer = await fetch(daemon.apiUrl + path, {
        headers: { 'Coder-Session-Token': bearer },
      })
      said.push(Buffer.from(await answer.arrayBuffer()))
    }
  }
  const proc = `/proc/${daemon.child.pid}`
  const sinks: (readonly [name: string, content: Buffer])[] = [
    ['cmdline', readFileSync(`${proc}/cmdline`)],
    ['environ', readFileSync(`${proc}/environ`)],
    ...said.map((content, index) => [`answer ${index}`, content] as const),
  ]
  const children = readFileSync(`${proc}/task/${daemon.child.pid}/children`, 'utf8')
  assert.equal(children.trim(), '', 'the daemon starts no process')
  await daemon.waitForLine(line => line['reason'] === 'provider_unreachable')
  await daemon.stop()
  sinks.push(['log', Buffer.from(daemon.lines.map(line => JSON.stringify(line)).join('\n'))])
  sinks.push(['stderr', Buffer.from(daemon.stderr)])
  const { keyFile } = authorityFiles(state)
  sinks.push(...filesUnder(state).filter(([path]) => path !== keyFile))

  // What dumps are for are bodies: those are as they passed.
  const heads = filesUnder(dumps).map(
    ([path, text]) => [path, text.subarray(0, text.indexOf('\r\n\r\n') >>> 0)] as const,
  )
  assert.ok(heads.length > 20, `${heads.length} dumps`)
  sinks.push(...heads)

  const keyText = readFileSync(keyFile, 'utf8').split('\n')[1] ?? ''
  assert.equal(statSync(keyFile).mode & 0o077, 0)
  const needles = { CENTRAL, OPENAI, OWN, IN_QUERY, WRONG, PROMPT, token, adminToken, keyText }
  const basic = Buffer.from(credentials).toString('base64')
  for (const [name, needle] of [...Object.entries(needles), ['basic', basic] as const]) {
    assert.ok(needle.length > 20, name)
    const hits = sinks.filter(([, content]) => content.includes(needle)).map(([sink]) => sink)
    assert.deepEqual(hits, [], name)
  }
  assert.ok(daemon.lines.length > 20 && sinks.length > 30, `${sinks.length} sinks`)
  rmSync(scratch, { recursive: true })
})
