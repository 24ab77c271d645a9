import { firstHeader, headerPairs, type RawHeaders } from '../../src/kernel/headers.ts'
import { testPki } from './pki.ts'
import { type Provider, startProvider } from './provider.ts'
import type { Behaviour, Exchange } from './provider-exchange.ts'

/** In Coder's shape: ten characters, a dash, 22 more. */
export const CODER_TOKEN = 'aBcDeFgHiJ-kLmNoPqRsTuVwXyZ012345'

const BRIDGE = '/api/v2/aibridge/'

/** A Coder deployment on loopback, as far as a proxy sees one. */
export interface Deployment extends AsyncDisposable {
  readonly url: string
  /** Tokens and the names of their users; may be changed at any time. */
  readonly users: Map<string, string>
  /** What its bridge got, and what the API was asked about tokens. */
  readonly calls: readonly Exchange[]
  readonly questions: readonly Exchange[]
  readonly stub: Provider
  /** Variables of a daemon that uses it in place of its own bridge. */
  readonly env: Readonly<Record<string, string>>
}

export interface DeploymentOptions {
  /** What the bridge answers; a piece of JSON unless given. */
  readonly bridge?: (exchange: Exchange) => Behaviour
  /** What the API answers about a token in place of its user. */
  readonly api?: (exchange: Exchange) => Behaviour | undefined
}

export async function startDeployment(options: DeploymentOptions = {}): Promise<Deployment> {
  const users = new Map([[CODER_TOKEN, 'grace']])
  const aboutUser = (exchange: Exchange): Behaviour => {
    const username = users.get(firstHeader(exchange.rawHeaders, 'coder-session-token') ?? '')
    return username === undefined
      ? { status: 401, pieces: ['{"message":"no"}'] }
      : {
          pieces: [
            JSON.stringify({ id: 'u', username, status: 'active', roles: [{ name: 'owner' }] }),
          ],
        }
  }
  const stub = await startProvider({
    gapMs: 1,
    behaviour: exchange => {
      if (exchange.path.startsWith(BRIDGE)) return options.bridge?.(exchange) ?? { pieces: ['{}'] }
      if (exchange.path !== '/api/v2/users/me') return { pieces: ['{"message":"hi"}'] }
      return options.api?.(exchange) ?? aboutUser(exchange)
    },
  })
  return {
    url: stub.url,
    users,
    stub,
    get calls() {
      return stub.exchanges.filter(({ path }) => path.startsWith(BRIDGE))
    },
    get questions() {
      return stub.exchanges.filter(({ path }) => path === '/api/v2/users/me')
    },
    env: remoteEnv(stub.url),
    [Symbol.asyncDispose]: () => stub[Symbol.asyncDispose](),
  }
}

/** The variables of remote mode towards a deployment whose certificate is one of the tests'. */
export function remoteEnv(url: string): Readonly<Record<string, string>> {
  return {
    CODER_AIBRIDGE_ENABLED: 'false',
    CODER_ACCESS_URL: url,
    CODER_AIBRIDGE_PROXY_TARGET_CA: testPki().certFile,
  }
}

/** Headers as they stood on the wire. */
export function headerLines(raw: RawHeaders): string[] {
  return headerPairs(raw).map(([name, value]) => `${name}: ${value}`)
}

/** The line by which a daemon would know its own request again; its name is random. */
export function viaLine(raw: RawHeaders): string {
  const via = firstHeader(raw, 'via') ?? ''
  if (!/^1\.1 aibridgeproxyd-[0-9a-f]{18}$/.test(via)) throw new Error(`Via: ${via}`)
  return `Via: ${via}`
}
