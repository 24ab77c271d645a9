import type { JSONWebKeySet } from 'jose'
import type { OidcSettings } from '../config/settings.ts'
import { createOriginAgent, endIdle } from '../egress/agents.ts'
import { createOriginDial, type LegReasons } from '../egress/origin-dial.ts'
import { createOriginFetch } from '../egress/origin-fetch.ts'
import type { OriginDeps } from './providers.ts'

const LEG: LegReasons = {
  unreachable: 'auth_unavailable',
  untrusted: 'auth_unavailable',
  timeout: 'auth_unavailable',
}

/** The OIDC issuer of a snapshot, with connections to the origin of its keys only. */
export interface Issuer extends Disposable {
  readonly settings: OidcSettings
  readonly fetchKeys: (signal: AbortSignal) => Promise<JSONWebKeySet>
  /** Closes what is idle. */
  retire(): void
}

/** `fetchKeys` rejects with what is wrong with the issuer's answers, for the log. */
export function createIssuer(settings: OidcSettings, deps: OriginDeps): Issuer {
  const { origin, issuer, jwksUrl, caPem } = settings
  const roots = deps.rootsWith(caPem)
  const agent = createOriginAgent(createOriginDial(origin, roots, deps.dial, { reasons: LEG }))
  const request = createOriginFetch({
    origin,
    agent,
    bearer: undefined,
    // The signal is the limit.
    firstByteTimeoutMs: 0,
    idleTimeoutMs: 0,
  })
  const get = async (url: string, signal: AbortSignal): Promise<Json> => {
    const response = await request(url, { signal, headers: { Accept: 'application/json' } })
    return await readJson(response, url)
  }
  return {
    settings,
    async fetchKeys(signal) {
      const set = await get(
        jwksUrl ?? keysOf(await get(metadataUrl(issuer), signal), settings),
        signal,
      )
      if (!isKeySet(set)) throw new Error('the answer is no key set')
      return set
    },
    retire: () => endIdle(agent),
    [Symbol.dispose]: () => agent.destroy(),
  }
}

type Json = Readonly<Record<string, unknown>>

/** OpenID Connect Discovery 1.0, 4. */
function metadataUrl(issuer: string): string {
  return `${issuer.replace(/\/+$/, '')}/.well-known/openid-configuration`
}

/** 4.3: metadata of another issuer must not be used. */
function keysOf(metadata: Json, { issuer }: OidcSettings): string {
  if (metadata['issuer'] !== issuer) {
    throw new Error('its metadata names another issuer than CODER_AIBRIDGE_PROXY_OIDC_ISSUER')
  }
  const url = metadata['jwks_uri']
  if (typeof url !== 'string' || !URL.canParse(url)) throw new Error('its metadata has no jwks_uri')
  // SECURITY: where we connect is the operator's word, not an answer's.
  if (new URL(url).origin !== new URL(issuer).origin) {
    throw new Error(
      'its keys are on another origin: name their URL in CODER_AIBRIDGE_PROXY_OIDC_JWKS_URL',
    )
  }
  return url
}

async function readJson(response: Response, url: string): Promise<Json> {
  // Read to its end in any case, so that its connection is free again.
  const text = await response.text()
  if (response.status !== 200) throw new Error(`the answer of ${url} has status ${response.status}`)
  const value: unknown = JSON.parse(text)
  if (!isObject(value)) throw new Error(`the answer of ${url} is no object`)
  return value
}

function isKeySet(value: Json): value is Json & JSONWebKeySet {
  return Array.isArray(value['keys']) && value['keys'].every(isObject)
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null
}
