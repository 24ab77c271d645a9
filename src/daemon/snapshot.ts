import type { Translator } from '../bridge/bedrock/translator.ts'
import type { ToolServers } from '../bridge/tools/tool-servers.ts'
import type { Authority } from '../ca/authority.ts'
import { LeafContexts } from '../ca/contexts.ts'
import type { LeafKey } from '../ca/leaf-key.ts'
import { systemRoots } from '../ca/trust.ts'
import type { Settings } from '../config/settings.ts'
import { dial } from '../egress/dial.ts'
import type { LoopMark } from '../egress/loop.ts'
import { createOpen, type OpenDeps } from '../egress/open.ts'
import type { Own } from '../egress/own.ts'
import { createOpenPlain, type OpenPlain } from '../egress/plain.ts'
import { createResolver, type Resolve } from '../egress/resolve.ts'
import { createAbsoluteLookup, type Lookup, lookup } from '../egress/system-lookup.ts'
import { createUpstream, type Upstream } from '../egress/upstream.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Emit, Open } from '../kernel/flow.ts'
import { buildPolicy, type Policy } from '../proxy/policy.ts'
import { createDeployment, type Deployment } from './deployment.ts'
import { type Dumps, openDumps } from './dumps.ts'
import { createIssuer, type Issuer } from './issuer.ts'
import { createProviders, type OriginDeps, type Providers, type RootsWith } from './providers.ts'
import { createToolServers } from './tool-servers.ts'

/** What outlives a reload and every snapshot is built upon. */
export interface Foundation {
  readonly clock: Clock
  readonly emit: Emit
  readonly leafKey: LeafKey
  readonly own: Own
  readonly loop: LoopMark
  readonly resolvers: Resolvers
  /** What we call ourselves towards other servers. */
  readonly version: string
  /** For the operator's log. */
  readonly warn: (problem: string, message: string) => void
  readonly translator: Translator
}

/** Two, so that names which clients choose cannot use up the lookups of the AI path. */
export interface Resolvers {
  readonly clients: Resolve
  readonly operator: Resolve
}

/** `given` answers both in place of the system. */
export function createResolvers(timeoutMs: number, given: Lookup | undefined): Resolvers {
  return {
    clients: createResolver({ timeoutMs, lookup: given ?? createAbsoluteLookup() }),
    operator: createResolver({
      timeoutMs,
      lookup: given ?? lookup,
      maxConcurrent: OPERATOR_LOOKUPS,
    }),
  }
}

/** With those of clients less than half of the thread pool that `main` asks for. */
const OPERATOR_LOOKUPS = 8

/** One configuration, ready to serve. Immutable: a reload makes another. */
export interface Snapshot {
  readonly settings: Settings
  readonly authority: Authority
  readonly policy: Policy
  readonly contexts: LeafContexts
  readonly open: Open
  readonly openPlain: OpenPlain
  readonly providers: Providers
  /** Set in remote mode. */
  readonly deployment: Deployment | undefined
  /** Set where JWTs name callers. */
  readonly issuer: Issuer | undefined
  readonly dumps: Dumps
  /** Tools of other servers; undefined where none are injected. */
  readonly toolServers: ToolServers | undefined
}

export function buildSnapshot(
  settings: Settings,
  authority: Authority,
  foundation: Foundation,
): Snapshot {
  const { proxy, bridge, limits } = settings
  const rootsWith = rootsBeside(systemRoots(authority.own.map(String).join('')))
  const open = openDeps(settings, authority, rootsWith, foundation)
  const origins: OriginDeps = {
    dial: {
      ...open,
      resolve: foundation.resolvers.operator,
      own: foundation.own,
      ownCas: authority.own,
      tlsHandshakeTimeoutMs: limits.tlsHandshakeTimeoutMs,
    },
    rootsWith,
    limits,
  }
  const dumps = openDumps(settings, foundation.warn)
  return {
    settings,
    authority,
    dumps,
    policy: buildPolicy({
      allowedPorts: proxy.allowedPorts,
      providers: bridge.providers,
      allowedPrivateCidrs: proxy.allowedPrivateCidrs,
      denyIpLiterals: proxy.denyIpLiterals,
    }),
    contexts: new LeafContexts({
      authority,
      hosts: proxy.interceptedHosts,
      key: foundation.leafKey,
      cacheSize: limits.leafCacheSize,
      lifetimeMs: limits.leafLifetimeMs,
      clock: foundation.clock,
      emit: foundation.emit,
    }),
    open: createOpen(open),
    openPlain: createOpenPlain(open),
    // What goes to the deployment goes nowhere else.
    providers: createProviders(bridge.remote === undefined ? bridge.providers : [], {
      ...origins,
      ...foundation,
      breaker: bridge.breaker,
      dumps: dumps.provider,
    }),
    deployment:
      bridge.remote === undefined
        ? undefined
        : createDeployment(bridge.remote, bridge.providers, { ...origins, loop: foundation.loop }),
    issuer: settings.oidc === undefined ? undefined : createIssuer(settings.oidc, origins),
    toolServers: createToolServers(bridge.toolServers, { ...foundation, ...origins }),
  }
}

/** One array for one file: a TLS context is made once for each. */
function rootsBeside(shared: readonly string[]): RootsWith {
  const known = new Map<string, readonly string[]>()
  return file => {
    if (file === undefined) return shared
    const roots = known.get(file) ?? [...shared, file]
    known.set(file, roots)
    return roots
  }
}

/** Closes the connections that are idle; what runs goes on to its end. */
export function retireSnapshot({ providers, deployment, issuer, toolServers }: Snapshot): void {
  providers.retire()
  deployment?.retire()
  issuer?.retire()
  void toolServers?.retire()
}

/** Closes all of them. */
export async function endSnapshot({
  providers,
  deployment,
  issuer,
  toolServers,
}: Snapshot): Promise<void> {
  providers[Symbol.dispose]()
  deployment?.[Symbol.dispose]()
  issuer?.[Symbol.dispose]()
  await toolServers?.[Symbol.asyncDispose]()
}

function openDeps(
  { proxy, limits }: Settings,
  authority: Authority,
  rootsWith: RootsWith,
  { own, loop, resolvers }: Foundation,
): OpenDeps {
  const { connectTimeoutMs, tlsHandshakeTimeoutMs } = limits
  const upstream: Upstream | undefined =
    proxy.upstream === undefined
      ? undefined
      : createUpstream({
          proxy: proxy.upstream,
          roots: rootsWith(proxy.upstream.caPem),
          ownCas: authority.own,
          resolve: resolvers.operator,
          dial,
          own,
          loop,
          connectTimeoutMs,
          tlsHandshakeTimeoutMs,
        })
  return {
    resolve: resolvers.clients,
    dial,
    guard: {
      allowedPrivateCidrs: proxy.allowedPrivateCidrs,
      nat64Prefixes: proxy.nat64Prefixes,
      own,
    },
    upstream,
    upstreamResolves: proxy.upstreamResolves,
    connectTimeoutMs,
  }
}
