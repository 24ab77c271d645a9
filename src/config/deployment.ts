import type { ProviderSettings } from '../kernel/provider.ts'
import { isLoopbackHost } from '../kernel/target.ts'
import type { Values } from './options.ts'
import type { Report } from './report.ts'
import { readRoots } from './roots-file.ts'
import type { DeploymentSettings, Place } from './settings.ts'
import { type BaseUrl, formatOrigin } from './types/url.ts'

/** Where Coder serves its bridge, and so do we. */
const BRIDGE_PATH = '/api/v2/aibridge'

/** The deployment that bridges when this daemon does not; what is wrong with it goes into the report. */
export function readDeployment(
  { api, bridge, proxy }: Values,
  providers: readonly ProviderSettings[],
  readFile: (path: string) => string,
  report: Report,
): DeploymentSettings | undefined {
  if (bridge.enabled) return undefined
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
  warnAboutKeys(providers, report)
  const access = place(api.accessUrl)
  const target =
    proxy.target === undefined
      ? { ...access, basePath: access.basePath + BRIDGE_PATH }
      : place(proxy.target)
  if (!proxy.targetAllowInsecureHttp) {
    refuseClearText('CODER_ACCESS_URL', access, report)
    if (proxy.target !== undefined) refuseClearText('CODER_AIBRIDGE_PROXY_TARGET', target, report)
  }
  const caPem =
    proxy.targetCa === undefined
      ? undefined
      : readRoots('bridge target CA certificate', proxy.targetCa, readFile, report)
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

function warnAboutKeys(providers: readonly ProviderSettings[], report: Report): void {
  for (const { name, keys } of providers) {
    if (keys.length === 0) continue
    report.warnings.push(
      `provider ${name} has a key, which nothing uses: with CODER_AIBRIDGE_ENABLED=false the keys are the deployment's`,
    )
  }
}

/** The access URL as one reads it. */
export function accessUrlText({ access }: DeploymentSettings): string {
  return formatOrigin(access.origin) + access.basePath
}
