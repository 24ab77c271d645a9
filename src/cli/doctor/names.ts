import type { Settings } from '../../config/settings.ts'
import { createResolver } from '../../egress/resolve.ts'
import type { Lookup } from '../../egress/system-lookup.ts'
import { describeError } from '../../kernel/error.ts'
import { type Host, isLocalhostName } from '../../kernel/target.ts'
import type { Finding } from './finding.ts'

/** Beyond this agents feel it at every connection. */
const SLOW_MS = 1000

export interface NameFacts {
  readonly name: string
  readonly durationMs: number
  /** Why it does not resolve; undefined when it does. */
  readonly error: string | undefined
}

/** Looks up every name that this machine has to resolve itself. */
export async function gatherNames(settings: Settings, lookup?: Lookup): Promise<NameFacts[]> {
  const timeoutMs = settings.limits.dnsTimeoutMs
  const resolve = createResolver({ timeoutMs, ...(lookup === undefined ? {} : { lookup }) })
  const names = new Set(ownNames(settings))
  return await Promise.all(
    [...names].map(async name => {
      const startedAt = performance.now()
      const error = await resolve(name, new AbortController().signal).then(
        () => undefined,
        describeError,
      )
      return { name, durationMs: performance.now() - startedAt, error }
    }),
  )
}

/** With an upstream proxy its own name is the only one: the legs go through it by name. */
function ownNames({ proxy, bridge }: Settings): string[] {
  const { remote } = bridge
  const origins =
    proxy.upstream !== undefined
      ? [proxy.upstream]
      : remote === undefined
        ? bridge.providers.map(({ origin }) => origin)
        : [remote.access.origin, remote.target.origin]
  return origins.flatMap(({ target }) => nameOf(target.host) ?? [])
}

function nameOf(host: Host): string | undefined {
  return host.kind === 'name' && !isLocalhostName(host.name) ? host.name : undefined
}

export function judgeNames(facts: readonly NameFacts[]): readonly Finding[] {
  const about = 'DNS'
  const bad = facts.filter(({ error }) => error !== undefined)
  const slow = facts.filter(({ durationMs }) => durationMs >= SLOW_MS)
  const fix =
    'check /etc/resolv.conf and the resolver there; where only a proxy resolves, set CODER_AIBRIDGE_PROXY_UPSTREAM'
  if (bad.length > 0) {
    return bad.map(({ name, error }) => ({
      about,
      state: 'failed',
      text: `${name}: ${error}`,
      fix,
    }))
  }
  if (slow.length > 0) {
    return slow.map(({ name, durationMs }) => ({
      about,
      state: 'warning',
      text: `${name} took ${(durationMs / 1000).toFixed(1)} s`,
      fix,
    }))
  }
  return facts.length === 0
    ? []
    : [{ about, state: 'ok', text: facts.map(({ name }) => name).join(', ') }]
}
