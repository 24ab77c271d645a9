import { resolve } from 'node:path'
import type { ListenAddress } from '../kernel/target.ts'
import type { Values } from './options.ts'
import type { Report } from './report.ts'
import { collide, isLoopbackListener, listenAddress } from './types/listen-address.ts'

/** Settings that are good by themselves and wrong together. */
export function refuseContradictions(values: Values, report: Report): void {
  refuseHalfPairs(values, report)
  refuseOpenProxy(values, report)
  refuseCollisions(values, report)
  refuseSameHeaders(values, report)
  if (values.bridge.injectCoderMcpTools && values.bridge.mcpServersFile === undefined) {
    report.warnings.push(
      'CODER_AIBRIDGE_INJECT_CODER_MCP_TOOLS: no tool is offered without servers: name them in CODER_AIBRIDGE_MCP_SERVERS_FILE',
    )
  }
  refuseSharedDumps(values, report)
  warnAboutUpstream(values, report)
  warnAboutTarget(values, report)
  warnAboutClearText(values, report)
  warnAboutDumps(values, report)
}

function refuseHalfPairs({ proxy }: Values, report: Report): void {
  if ((proxy.certFile === undefined) !== (proxy.keyFile === undefined)) {
    report.problems.push(
      'MITM CA cert file and key file are required together: set both CODER_AIBRIDGE_PROXY_CERT_FILE and CODER_AIBRIDGE_PROXY_KEY_FILE, or neither',
    )
  }
  if ((proxy.tlsCertFile === undefined) !== (proxy.tlsKeyFile === undefined)) {
    report.problems.push(
      'tls cert file and tls key file must both be set: set CODER_AIBRIDGE_PROXY_TLS_CERT_FILE and CODER_AIBRIDGE_PROXY_TLS_KEY_FILE, or neither',
    )
  }
  if (proxy.tlsListen !== undefined && proxy.tlsCertFile === undefined) {
    report.problems.push(
      'CODER_AIBRIDGE_PROXY_TLS_LISTEN_ADDR needs a certificate: set CODER_AIBRIDGE_PROXY_TLS_CERT_FILE and CODER_AIBRIDGE_PROXY_TLS_KEY_FILE',
    )
  }
}

/** SECURITY: without tokens, whoever reaches the listener uses the keys. */
function refuseOpenProxy({ proxy }: Values, report: Report): void {
  if (proxy.auth !== 'off') return
  for (const listen of [proxy.listen, proxy.tlsListen]) {
    if (listen === undefined || isLoopbackListener(listen)) continue
    report.problems.push(
      `CODER_AIBRIDGE_PROXY_AUTH=off is for loopback listeners only, and the proxy listens on ${listenAddress.format(listen)}: use required, or listen on 127.0.0.1`,
    )
  }
}

function refuseCollisions(values: Values, report: Report): void {
  const listeners: [name: string, listen: ListenAddress | undefined][] = [
    ['CODER_AIBRIDGE_PROXY_LISTEN_ADDR', values.proxy.enabled ? values.proxy.listen : undefined],
    [
      'CODER_AIBRIDGE_PROXY_TLS_LISTEN_ADDR',
      values.proxy.enabled ? values.proxy.tlsListen : undefined,
    ],
    ['CODER_HTTP_ADDRESS', values.http.address],
    ['CODER_PROMETHEUS_ADDRESS', values.prometheus.enable ? values.prometheus.address : undefined],
  ]
  for (const [index, [name, listen]] of listeners.entries()) {
    for (const [otherName, other] of listeners.slice(index + 1)) {
      if (listen === undefined || other === undefined || !collide(listen, other)) continue
      report.problems.push(
        `${name} and ${otherName} are the same address, ${listenAddress.format(other)}: give each listener its own port`,
      )
    }
  }
}

function refuseSameHeaders({ bridge }: Values, report: Report): void {
  if (bridge.actorHeaderId.toLowerCase() !== bridge.actorHeaderUsername.toLowerCase()) return
  report.problems.push(
    'CODER_AIBRIDGE_ACTOR_HEADER_ID and CODER_AIBRIDGE_ACTOR_HEADER_USERNAME are the same header: give each its own name',
  )
}

function refuseSharedDumps({ proxy, bridge }: Values, report: Report): void {
  if (proxy.dumpDir === undefined || bridge.dumpDir === undefined) return
  if (resolve(proxy.dumpDir) !== resolve(bridge.dumpDir)) return
  report.problems.push(
    'CODER_AIBRIDGE_PROXY_DUMP_DIR and CODER_AIBRIDGE_DUMP_DIR are the same directory, and each keeps its own within bounds: give them two',
  )
}

/** SECURITY: left on, they pile prompts up that nobody looks at. */
function warnAboutDumps({ proxy, bridge }: Values, report: Report): void {
  for (const [name, path] of [
    ['CODER_AIBRIDGE_PROXY_DUMP_DIR', proxy.dumpDir],
    ['CODER_AIBRIDGE_DUMP_DIR', bridge.dumpDir],
  ] as const) {
    if (path === undefined) continue
    report.warnings.push(
      `${name}: prompts and answers are written to files in ${path}: unset it when you have seen enough`,
    )
  }
}

/** SECURITY: whoever can listen in the network between reads every token. */
function warnAboutClearText({ proxy, http }: Values, report: Report): void {
  const isPlain = proxy.tlsCertFile === undefined || proxy.tlsListen !== undefined
  if (proxy.enabled && isPlain && !isLoopbackListener(proxy.listen)) {
    report.warnings.push(
      `CODER_AIBRIDGE_PROXY_LISTEN_ADDR: tokens cross the network in clear text to ${listenAddress.format(proxy.listen)}: give the listener a certificate (CODER_AIBRIDGE_PROXY_TLS_CERT_FILE), or see that the network is trusted`,
    )
  }
  if (!isLoopbackListener(http.address)) {
    report.warnings.push(
      `CODER_HTTP_ADDRESS: tokens cross the network in clear text to ${listenAddress.format(http.address)}: put a TLS terminating proxy before it, or see that the network is trusted`,
    )
  }
}

function warnAboutUpstream({ proxy }: Values, report: Report): void {
  if (proxy.upstreamCa !== undefined && proxy.upstream?.origin.protocol !== 'https') {
    report.warnings.push(
      'upstream proxy CA certificate is only used for HTTPS upstream proxies, ignoring: unset CODER_AIBRIDGE_PROXY_UPSTREAM_CA, or use https:// in CODER_AIBRIDGE_PROXY_UPSTREAM',
    )
  }
  if (proxy.upstreamResolves && proxy.upstream === undefined) {
    report.warnings.push(
      'CODER_AIBRIDGE_PROXY_UPSTREAM_RESOLVES has no effect without CODER_AIBRIDGE_PROXY_UPSTREAM: set that one, or unset this one',
    )
  }
}

function warnAboutTarget({ proxy, bridge }: Values, report: Report): void {
  if (!bridge.enabled || (proxy.target === undefined && proxy.targetCa === undefined)) return
  report.warnings.push(
    'CODER_AIBRIDGE_PROXY_TARGET and _TARGET_CA have no effect while the bridge of this daemon is on: unset them, or set CODER_AIBRIDGE_ENABLED=false',
  )
}
