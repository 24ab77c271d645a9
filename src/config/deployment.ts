import { isLoopbackHost } from '../kernel/target.ts'
import type { Values } from './options.ts'
import type { Files } from './read-file.ts'
import type { Report } from './report.ts'
import { readRoots } from './roots-file.ts'
import type { DeploymentSettings, Place, Settings } from './settings.ts'
import { type BaseUrl, formatOrigin } from './types/url.ts'

/** Where Coder serves its bridge, and so do we. */
const BRIDGE_PATH = '/api/v2/aibridge'

/** The deployment that bridges when this daemon does not; what is wrong with it goes into the report. */
export function readDeployment(
  { api, bridge, proxy, oidc }: Values,
  files: Files,
): DeploymentSettings | undefined {
  if (bridge.enabled) return undefined
  const { report } = files
  if (api.accessUrl === undefined) {
    report.problems.push(
      'coder access URL is required when the bridge is off (CODER_AIBRIDGE_ENABLED=false): set CODER_ACCESS_URL',
    )
    return undefined
  }
  if (proxy.auth === 'off') {
    report.problems.push(
      'CODER_AIBRIDGE_PROXY_AUTH=off leaves the deployment without a token to know callers by: use required, or run the bridge here (CODER_AIBRIDGE_ENABLED=true)',
    )
  }
  if (oidc.issuer !== undefined) {
    report.warnings.push(
      'CODER_AIBRIDGE_PROXY_OIDC_ISSUER: the deployment is given the JWT of such a caller as its token: it has to accept it too, as another instance of this daemon can and Coder does not',
    )
  }
  const access = place(api.accessUrl)
  const target =
    proxy.target === undefined
      ? { ...access, basePath: access.basePath + BRIDGE_PATH }
      : place(proxy.target)
  if (!proxy.targetAllowInsecureHttp) {
    refuseClearText('CODER_ACCESS_URL', access, report)
    if (proxy.target !== undefined) refuseClearText('CODER_AIBRIDGE_PROXY_TARGET', target, report)
  }
  const what = 'bridge target CA certificate (CODER_AIBRIDGE_PROXY_TARGET_CA)'
  const caPem = readRoots(what, proxy.targetCa, files)
  return { access, target, caPem }
}

function place({ origin, path }: BaseUrl): Place {
  return { origin, basePath: path }
}

/** SECURITY: over it goes every caller's token. */
function refuseClearText(name: string, { origin }: Place, report: Report): void {
  if (origin.protocol === 'https' || isLoopbackHost(origin.target.host)) return
  report.problems.push(
    `${name} is http:// beyond loopback, so tokens would travel in the clear: use https://, or set CODER_AIBRIDGE_PROXY_TARGET_ALLOW_INSECURE_HTTP=true`,
  )
}

/** What is set for the bridge of this daemon while another one bridges. */
export function remoteWarnings({ bridge, policy }: Settings): readonly string[] {
  if (bridge.remote === undefined) return []
  const unused = [
    ...bridge.providers.flatMap(({ name, keys }) =>
      keys.length > 0 ? [`the key of ${name}`] : [],
    ),
    ...(policy.budgets.length > 0 ? ['budgets of CODER_AIBRIDGE_POLICY_FILE'] : []),
    ...(bridge.rateLimit > 0 ? ['CODER_AIBRIDGE_RATE_LIMIT'] : []),
    ...(bridge.breaker.enabled ? ['CODER_AIBRIDGE_CIRCUIT_BREAKER_ENABLED'] : []),
    ...(bridge.actor.send ? ['CODER_AIBRIDGE_SEND_ACTOR_HEADERS'] : []),
    ...(bridge.dumpDir === undefined ? [] : ['CODER_AIBRIDGE_DUMP_DIR']),
    ...(bridge.toolServers.length > 0 ? ['CODER_AIBRIDGE_INJECT_CODER_MCP_TOOLS'] : []),
  ]
  if (unused.length === 0) return []
  return [
    `with CODER_AIBRIDGE_ENABLED=false these are the deployment's to set, and have no effect here: ${unused.join(', ')}`,
  ]
}

/** The access URL as one reads it. */
export function accessUrlText({ access }: DeploymentSettings): string {
  return formatOrigin(access.origin) + access.basePath
}
