/**
 * `npm run demo`: the daemon at work, with neither keys nor internet. A stub
 * provider and a web server stand in for the outside; the client is a few
 * sockets, so that nothing is hidden.
 */
import type { IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { firstHeader } from '../../src/kernel/headers.ts'
import { PLACEHOLDER_KEY } from '../../src/kernel/provider.ts'
import { maskCredential } from '../../src/kernel/secret.ts'
import { createToken, type DaemonProcess, startDaemonProcess } from './daemon-process.ts'
import { isJsonObject, type JsonObject, parseJsonObject } from './json.ts'
import { type Origin, startHttpOrigin } from './origin.ts'
import { testPki } from './pki.ts'
import { type Provider, startProvider } from './provider.ts'
import { connectThrough, readToEnd, requestOver, responseTo, secureOver } from './raw-client.ts'

const CENTRAL_KEY = 'sk-ant-the-real-key-8d2f61c04a97'
const AI_HOST = 'api.anthropic.com'
const METADATA = '169.254.169.254:80'
/** Fields of a log line that would only make this page wider. */
const NOISE = new Set(
  'level time msg started_at connect_id call_id token_id peer provider_type kind route client'.split(
    ' ',
  ),
)

await using provider = await startProvider({ gapMs: 120 })
await using site = await startHttpOrigin({ handler: (_, res) => res.end('hello from the site\n') })
await using daemon = await startDaemonProcess({ env: daemonSettings(provider, site) })
const credentials = `dev:${await createToken(daemon, 'dev')}`

say(`aibridgeproxyd listens on ${daemon.proxy.host}:${daemon.proxy.port}, and knows one user: dev`)
await interceptedCall()
await rawTunnel()
await refusal()
await showLog()

/** An AI host: decrypted, the real key put in, the answer relayed as it comes. */
async function interceptedCall(): Promise<void> {
  title(`a call to ${AI_HOST} is intercepted, and the key put in`)
  const { head, socket } = await connectThrough(daemon.proxy, `${AI_HOST}:443`, { credentials })
  show('CONNECT', `${AI_HOST}:443 → ${head.startLine}`)

  const secure = await secureOver(socket, { servername: AI_HOST, ca: await daemonCa(daemon) })
  show('certificate', `${AI_HOST}, issued by "${issuerOf(secure.getPeerCertificate().issuer)}"`)
  const request = requestOver(secure, {
    method: 'POST',
    path: '/v1/messages',
    headers: { host: AI_HOST, 'content-type': 'application/json', 'x-api-key': PLACEHOLDER_KEY },
  })
  show('client sends', `x-api-key: ${PLACEHOLDER_KEY}`)
  const messages = [{ role: 'user', content: 'say hi' }]
  const body = JSON.stringify({
    model: 'claude-sonnet-4-5',
    stream: true,
    max_tokens: 64,
    messages,
  })
  const response = await responseTo(request, body)

  process.stdout.write(`   ${'streams'.padEnd(14)} `)
  await printWords(response)
  const seen = firstHeader(provider.exchanges[0]?.rawHeaders ?? [], 'x-api-key') ?? 'nothing'
  show('provider saw', `x-api-key: ${maskCredential(seen)}${seen === CENTRAL_KEY ? '' : '  WRONG'}`)
  if (seen !== CENTRAL_KEY) process.exitCode = 1
  secure.destroy()
}

/** Any other host: bytes pass, and the client sees the site's own certificate. */
async function rawTunnel(): Promise<void> {
  title('any other host is a raw tunnel')
  const { head, socket } = await connectThrough(daemon.proxy, site.authority, { credentials })
  show('CONNECT', `${site.authority} → ${head.startLine}`)

  const secure = await secureOver(socket, { servername: 'localhost', ca: testPki().certPem })
  show('certificate', `localhost, issued by "${issuerOf(secure.getPeerCertificate().issuer)}"`)
  const request = requestOver(secure, { path: '/', headers: { host: site.authority } })
  const text = await readToEnd(await responseTo(request))
  show('site answers', text.toString().trim())
  secure.destroy()
}

/** What nobody allowed: refused, with a reason that the client can read. */
async function refusal(): Promise<void> {
  title('nothing private is reachable unless it is allowed')
  const { head, socket } = await connectThrough(daemon.proxy, METADATA, { credentials })
  show('CONNECT', `${METADATA} → ${head.startLine}`)
  show('reason', (await readToEnd(socket)).toString().trim())
  if (head.status !== 403) process.exitCode = 1
}

/** One line for each connection, one for each call, and no secret in any. */
async function showLog(): Promise<void> {
  title('what the log says of it')
  await daemon.waitForLine(line => JSON.stringify(line).includes(METADATA))
  // The line of an ended tunnel follows its end by a moment.
  for (let round = 0; round < 20 && eventLines().length < 4; round += 1) await delay(50)

  for (const line of eventLines())
    show(`${String(line['msg'])}:`, JSON.stringify(withoutNoise(line)))
  const log = JSON.stringify(daemon.lines)
  const leaked = [CENTRAL_KEY, credentials.slice('dev:'.length)].some(secret =>
    log.includes(secret),
  )
  show('secrets', leaked ? 'LEAKED' : 'none in the log')
  if (leaked) process.exitCode = 1
}

function eventLines(): readonly JsonObject[] {
  const listening = daemon.lines.findIndex(({ msg }) => msg === 'listening')
  return daemon.lines.slice(listening + 1)
}

function withoutNoise(line: JsonObject): JsonObject {
  const kept = Object.entries(line).filter(([key, value]) => !NOISE.has(key) && value !== null)
  return Object.fromEntries(kept)
}

async function printWords(response: IncomingMessage): Promise<void> {
  response.setEncoding('utf8')
  for await (const chunk of response) {
    for (const [, data = ''] of String(chunk).matchAll(/^data: (.*)$/gm)) {
      const { delta } = parseJsonObject(data)
      if (isJsonObject(delta) && typeof delta['text'] === 'string') {
        process.stdout.write(delta['text'])
      }
    }
  }
  process.stdout.write('\n')
}

async function daemonCa({ apiUrl }: DaemonProcess): Promise<string> {
  const response = await fetch(`${apiUrl}/api/v2/aibridge/proxy/ca-cert.pem`, {
    signal: AbortSignal.timeout(5_000),
  })
  return response.text()
}

function daemonSettings(ai: Provider, web: Origin): Record<string, string> {
  return {
    CODER_AIBRIDGE_PROVIDER_0_TYPE: 'anthropic',
    CODER_AIBRIDGE_PROVIDER_0_KEY: CENTRAL_KEY,
    CODER_AIBRIDGE_PROVIDER_0_BASE_URL: ai.url,
    CODER_AIBRIDGE_PROVIDER_0_CA_FILE: testPki().certFile,
    CODER_AIBRIDGE_PROXY_ALLOWED_PORTS: `80,443,${web.port}`,
    CODER_AIBRIDGE_PROXY_ALLOWED_PRIVATE_CIDRS: '127.0.0.0/8,::1/128',
  }
}

function issuerOf({ CN = 'nobody' }: { readonly CN?: string | string[] }): string {
  return String(CN)
}

function title(text: string): void {
  say(`\n── ${text}`)
}

function show(label: string, text: string): void {
  say(`   ${label.padEnd(14)} ${text}`)
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
