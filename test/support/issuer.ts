import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { testPki } from './pki.ts'
import { type Provider, startProvider } from './provider.ts'
import type { Behaviour } from './provider-exchange.ts'

export const AUDIENCE = 'aibridgeproxyd'

/** What of a token is to be otherwise than in a good one. */
export interface JwtOptions {
  readonly claims?: Readonly<Record<string, unknown>>
  readonly header?: Readonly<Record<string, unknown>>
  /** Seconds from now. */
  readonly expiresIn?: number
}

/** An OpenID Connect issuer on loopback. */
export interface Issuer extends AsyncDisposable {
  readonly url: string
  /** Variables of a daemon that takes its tokens. */
  readonly env: Readonly<Record<string, string>>
  /** Its answers from now on, in place of good ones. */
  behaviour: Behaviour | undefined
  /** The metadata; may be changed. */
  readonly metadata: Record<string, unknown>
  /** The published keys; may be changed. */
  readonly keys: JWK[]
  /** How often its keys were asked for. */
  readonly questions: number
  sign(options?: JwtOptions): Promise<string>
  /** Publishes a new key in place of the old, and signs with it from now on. */
  rotate(): Promise<void>
}

export async function startIssuer(): Promise<Issuer> {
  const keys: JWK[] = []
  let signer = await addKey(keys)
  const metadata: Record<string, unknown> = {}
  const stub: Provider = await startProvider({
    behaviour: ({ path }) => {
      if (issuer.behaviour !== undefined) return issuer.behaviour
      return { pieces: [JSON.stringify(path === '/keys' ? { keys } : metadata)] }
    },
  })
  metadata['issuer'] = stub.url
  metadata['jwks_uri'] = `${stub.url}/keys`
  const issuer: Issuer = {
    url: stub.url,
    env: {
      CODER_AIBRIDGE_PROXY_OIDC_ISSUER: stub.url,
      CODER_AIBRIDGE_PROXY_OIDC_AUDIENCE: `other,${AUDIENCE}`,
      CODER_AIBRIDGE_PROXY_OIDC_CA_FILE: testPki().certFile,
    },
    behaviour: undefined,
    metadata,
    keys,
    get questions() {
      return stub.exchanges.filter(({ path }) => path === '/keys').length
    },
    async sign({ claims = {}, header = {}, expiresIn = 300 } = {}) {
      const seconds = Math.floor(Date.now() / 1000)
      const exp = seconds + expiresIn
      return await new SignJWT({ iss: stub.url, aud: AUDIENCE, sub: 'repo:x', exp, ...claims })
        .setProtectedHeader({ alg: 'ES256', kid: signer.kid, ...header })
        .sign(signer.key)
    },
    async rotate() {
      keys.length = 0
      signer = await addKey(keys)
    },
    [Symbol.asyncDispose]: () => stub[Symbol.asyncDispose](),
  }
  return issuer
}

interface Signer {
  readonly kid: string
  readonly key: CryptoKey
}

let made = 0

async function addKey(keys: JWK[]): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  made += 1
  const kid = `key-${made}`
  keys.push({ ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' })
  return { kid, key: privateKey }
}
