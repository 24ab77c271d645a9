import { resolve } from 'node:path'
import type { ProviderSettings } from '../kernel/provider.ts'
import type { UpstreamProxy } from '../kernel/target.ts'
import { readClientCertificates } from './client-certificates.ts'
import { readDeployment } from './deployment.ts'
import { readOidc } from './oidc.ts'
import type { Values } from './options.ts'
import type { Files } from './read-file.ts'
import { readRoots } from './roots-file.ts'
import type { ProxySettings, Settings, TlsFiles } from './settings.ts'
import { readPolicyFile, readPricesFile, readToolServersFile } from './side-files.ts'

/** Puts the values of the table into the form that the daemon takes. */
export function buildSettings(
  values: Values,
  providers: readonly ProviderSettings[],
  files: Files,
): Settings {
  return {
    // Clients get these paths, and work in other folders.
    stateDir: resolve(values.state.stateDir),
    postgres: values.general.postgresUrl,
    proxy: proxySettings(values, providers, files),
    oidc: readOidc(values, files),
    bridge: {
      remote: readDeployment(values, files),
      providers,
      breaker: {
        enabled: values.breaker.enabled,
        failureThreshold: values.breaker.failureThreshold,
        intervalMs: values.breaker.interval,
        timeoutMs: values.breaker.timeout,
        maxRequests: values.breaker.maxRequests,
        failureStatuses: values.breaker.failureStatuses,
      },
      actor: {
        send: values.bridge.sendActorHeaders,
        idHeader: values.bridge.actorHeaderId,
        usernameHeader: values.bridge.actorHeaderUsername,
      },
      allowByok: values.bridge.allowByok,
      passthrough: values.bridge.passthrough,
      toolServers: readToolServersFile(values, files),
      maxConcurrency: values.bridge.maxConcurrency,
      prices: readPricesFile(values, providers, files),
      rateLimit: values.bridge.rateLimit,
      dumpDir: absolute(values.bridge.dumpDir),
    },
    api: {
      listen: values.http.address,
      prometheus: { enabled: values.prometheus.enable, listen: values.prometheus.address },
    },
    record: {
      prompts: values.record.prompts,
      failOpen: values.record.failOpen,
      structuredLogging: values.record.structuredLogging,
      structuredLogChain: values.record.structuredLogChain,
      retentionMs: values.record.retention,
      retentionBytes: values.record.maxBytes,
      queueSize: values.record.queueSize,
      observe: {
        callBytes: values.record.observeBytesPerCall,
        processBytes: values.record.observeBytes,
      },
    },
    limits: values.limits,
    policy: readPolicyFile(values, providers, files),
    budget: { policy: values.budget.policy, reserve: values.budget.reserve },
    log: { level: values.state.logLevel, queueBytes: values.limits.logQueueBytes },
  }
}

function proxySettings(
  values: Values,
  providers: readonly ProviderSettings[],
  files: Files,
): ProxySettings {
  const { proxy } = values
  const hosts = providers.flatMap(provider => provider.hosts.map(({ host }) => host))
  return {
    enabled: proxy.enabled,
    listen: proxy.listen,
    tls: pair(proxy.tlsCertFile, proxy.tlsKeyFile),
    clientCertificates: readClientCertificates(values, files),
    tlsListen: proxy.tlsListen,
    ca: pair(proxy.certFile, proxy.keyFile),
    interceptedHosts: [...new Set(hosts)],
    upstream: readUpstream(values, files),
    allowedPrivateCidrs: proxy.allowedPrivateCidrs,
    nat64Prefixes: proxy.nat64Prefixes,
    allowedPorts: proxy.allowedPorts,
    auth: proxy.auth,
    upstreamResolves: proxy.upstreamResolves,
    denyIpLiterals: proxy.denyIpLiterals,
    dumpDir: absolute(proxy.dumpDir),
  }
}

function absolute(path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(path)
}

function pair(certFile: string | undefined, keyFile: string | undefined): TlsFiles | undefined {
  if (certFile === undefined || keyFile === undefined) return undefined
  return { certFile: resolve(certFile), keyFile: resolve(keyFile) }
}

function readUpstream({ proxy }: Values, files: Files): UpstreamProxy | undefined {
  if (proxy.upstream === undefined) return undefined
  const { origin, credentials } = proxy.upstream
  const caFile = origin.protocol === 'https' ? proxy.upstreamCa : undefined
  const what = 'upstream proxy CA certificate (CODER_AIBRIDGE_PROXY_UPSTREAM_CA)'
  return { ...origin, credentials, caPem: readRoots(what, caFile, files) }
}
