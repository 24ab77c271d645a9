import type { Socket } from 'node:net'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts'
import { testPki } from '../support/pki.ts'
import { type Provider, type ProviderOptions, startProvider } from '../support/provider.ts'
import { type ConnectOptions, connectThrough, secureOver } from '../support/raw-client.ts'

export const ANTHROPIC = 'api.anthropic.com:443'
export const OPENAI = 'api.openai.com:443'
export const HOST_ANTHROPIC = 'api.anthropic.com'
/** The central keys of the providers below: no client ever sends them. */
export const ANTHROPIC_KEY = 'sk-ant-central-0123456789'
export const OPENAI_KEY = 'sk-openai-central-0123456789'

/** A call of Anthropic's API that is answered with a stream. */
export const MESSAGE = JSON.stringify({
  model: 'claude-x',
  max_tokens: 9,
  stream: true,
  messages: [{ role: 'user', content: 'Hi' }],
})

export interface ProviderEntry {
  readonly type: string
  readonly name?: string
  readonly key?: string
  readonly url: string
  readonly hosts?: string
}

/** The variables of some providers, as an operator would set them. */
export function providersEnv(...entries: readonly ProviderEntry[]): Record<string, string> {
  const env: Record<string, string> = {}
  for (const [index, { type, name, key, url, hosts }] of entries.entries()) {
    const prefix = `CODER_AIBRIDGE_PROVIDER_${index}_`
    env[`${prefix}TYPE`] = type
    env[`${prefix}NAME`] = name ?? type
    env[`${prefix}BASE_URL`] = url
    env[`${prefix}CA_FILE`] = testPki().certFile
    if (key !== undefined) env[`${prefix}KEY`] = key
    if (hosts !== undefined) env[`${prefix}HOSTS`] = hosts
  }
  return env
}

/** A daemon whose Anthropic and OpenAI are one stub on loopback. */
export interface AiWorld extends AsyncDisposable {
  readonly daemon: TestDaemon
  readonly provider: Provider
}

export async function startAiWorld(
  options: {
    readonly provider?: ProviderOptions
    readonly env?: Readonly<Record<string, string>>
  } = {},
): Promise<AiWorld> {
  await using opened = new AsyncDisposableStack()
  const provider = opened.use(await startProvider({ gapMs: 1, ...options.provider }))
  const daemon = opened.use(await startAiDaemon(provider.url, options.env))
  const keep = opened.move()
  return { daemon, provider, [Symbol.asyncDispose]: () => keep.disposeAsync() }
}

/** A daemon whose Anthropic and OpenAI are at `url`, with central keys. */
export async function startAiDaemon(
  url: string,
  env: Readonly<Record<string, string>> = {},
): Promise<TestDaemon> {
  return await startTestDaemon({ env: { ...aiProvidersEnv(url), ...env } })
}

/** Both of them with central keys, as variables. */
export function aiProvidersEnv(url: string): Record<string, string> {
  return providersEnv(
    { type: 'anthropic', key: ANTHROPIC_KEY, url },
    { type: 'openai', key: OPENAI_KEY, url: `${url}/v1` },
  )
}

export interface OpenOptions {
  readonly authority?: string
  readonly connect?: ConnectOptions
  readonly tls?: Omit<ConnectionOptions, 'socket'>
}

/** What it takes to call through a daemon, in this process or another. */
export type Callable = Pick<TestDaemon, 'proxy' | 'credentials' | 'caPem'>

/** CONNECT to an AI host and a handshake that trusts our CA and nothing else. */
export async function openIntercepted(
  daemon: Callable,
  { authority = ANTHROPIC, connect = {}, tls = {} }: OpenOptions = {},
): Promise<TLSSocket> {
  const socket = await openConnect(daemon, authority, connect)
  const servername = authority.slice(0, authority.lastIndexOf(':'))
  return await secureOver(socket, {
    ca: daemon.caPem,
    servername,
    ALPNProtocols: ['http/1.1'],
    ...tls,
  })
}

/** CONNECT only; throws unless it is answered with 200. */
export async function openConnect(
  daemon: Pick<TestDaemon, 'proxy' | 'credentials'>,
  authority: string,
  connect: ConnectOptions = {},
): Promise<Socket> {
  const { head, socket } = await connectThrough(daemon.proxy, authority, {
    credentials: daemon.credentials,
    ...connect,
  })
  if (head.status !== 200) throw new Error(`CONNECT ${authority}: ${head.text}`)
  return socket
}
