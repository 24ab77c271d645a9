import type { Finding } from './finding.ts'

/** Whether programs that are started from here would use the proxy at all. */
export function judgeShell(
  env: Readonly<Record<string, string | undefined>>,
  proxyPort: number,
): Finding {
  const about = 'this shell'
  const fix = 'eval "$(aibridgeproxyd env)"'
  const value = env['HTTPS_PROXY'] ?? env['https_proxy']
  if (value === undefined || value === '') {
    return { about, state: 'warning', text: 'HTTPS_PROXY is not set: nothing uses the proxy', fix }
  }
  // The URL holds a token; only its port is looked at.
  const port = /:(\d+)\/?$/.exec(value)?.[1]
  if (port !== String(proxyPort)) {
    return { about, state: 'warning', text: 'HTTPS_PROXY names another proxy', fix }
  }
  const untrusting = env['NODE_EXTRA_CA_CERTS'] === undefined || env['SSL_CERT_FILE'] === undefined
  return untrusting
    ? { about, state: 'warning', text: 'HTTPS_PROXY is set, the trust in its CA is not', fix }
    : { about, state: 'ok', text: 'uses the proxy' }
}
