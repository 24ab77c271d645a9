import { type TrustFiles, trustVariables } from '../ca/trust.ts'
import type { Settings } from '../config/settings.ts'
import { PLACEHOLDER_KEY, type ProviderSettings } from '../kernel/provider.ts'
import type { Secret } from '../kernel/secret.ts'
import { hostForUrl, type ListenAddress, parseHost } from '../kernel/target.ts'

/** Where each kind of agent looks for the key of a provider type. */
const KEY_VARIABLES: Readonly<Record<string, string>> = {
  anthropic: 'ANTHROPIC_API_KEY',
  openai: 'OPENAI_API_KEY',
  google: 'GEMINI_API_KEY',
  azure: 'AZURE_OPENAI_API_KEY',
  bedrock: 'AWS_BEARER_TOKEN_BEDROCK',
}

export interface ClientAccess {
  /** Where clients reach the proxy port. */
  readonly proxy: ListenAddress
  /** The proxy port speaks TLS (`https://` proxy URL). */
  readonly tls: boolean
  readonly user: string
  readonly token: Secret
  readonly trust: TrustFiles
  /** Types of the providers that have a central key. */
  readonly keyedTypes: readonly string[]
  /** What the client's environment says of hosts that need no proxy. */
  readonly noProxy: string | undefined
}

/**
 * Every variable that makes a client use the proxy and trust its CA. User and
 * token are both there: half of the clients send nothing, or something broken,
 * when either is empty.
 */
export function clientEnvironment(access: ClientAccess): Readonly<Record<string, string>> {
  const url = proxyUrl(access)
  const noProxy = mergeNoProxy(access.noProxy)
  return {
    HTTPS_PROXY: url,
    https_proxy: url,
    NO_PROXY: noProxy,
    no_proxy: noProxy,
    // Node reads the proxy variables from 22.21 and 24 on, but only when asked.
    NODE_USE_ENV_PROXY: '1',
    ...trustVariables(access.trust),
    ...placeholderKeys(access.keyedTypes),
  }
}

/** Types of providers that need no key from the client; in remote mode the deployment has them. */
export function keyedTypes({ bridge }: Settings): readonly string[] {
  const isKeyed = ({ keys }: ProviderSettings): boolean =>
    bridge.remote !== undefined || keys.length > 0
  const keyed = bridge.providers.filter(isKeyed)
  return [...new Set(keyed.map(provider => provider.type))]
}

/** Those for which this environment has no key: a deployment may take the client's own. */
export function withoutOwnKeys(
  types: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  return types.filter(type => !env[KEY_VARIABLES[type] ?? ''])
}

/** What stands in for the central key at the client. */
function placeholderKeys(types: readonly string[]): Record<string, string> {
  const names = types.flatMap(type => KEY_VARIABLES[type] ?? [])
  return Object.fromEntries(names.map(name => [name, PLACEHOLDER_KEY]))
}

function proxyUrl({ proxy, tls, user, token }: ClientAccess): string {
  const scheme = tls ? 'https' : 'http'
  const credentials = `${encodeURIComponent(user)}:${encodeURIComponent(token.reveal())}`
  return `${scheme}://${credentials}@${dialledHost(proxy.host)}:${proxy.port}`
}

/** A wildcard bind is reached over loopback. */
function dialledHost(host: string): string {
  if (host === '' || host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  const parsed = parseHost(host)
  return parsed.ok ? hostForUrl(parsed.host) : host
}

/** Clients that run a server of their own talk to it over loopback. */
function mergeNoProxy(given: string | undefined): string {
  const theirs = (given ?? '').split(/[,\s]+/)
  const entries = [...theirs, 'localhost', '127.0.0.1', '::1'].filter(entry => entry !== '')
  return [...new Set(entries)].join(',')
}
