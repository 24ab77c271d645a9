import type { Values } from './options.ts'
import type { Files } from './read-file.ts'
import { readRoots } from './roots-file.ts'
import type { ClientCertificateSettings } from './settings.ts'

/** How callers are known by certificates; what is wrong with it goes into the report. */
export function readClientCertificates(
  { clientCertificates, proxy }: Values,
  files: Files,
): ClientCertificateSettings | undefined {
  const { report } = files
  const { caFile, auth, userFrom, userPrefix } = clientCertificates
  if (caFile === undefined) {
    if (auth === 'required') {
      report.problems.push(
        'CODER_AIBRIDGE_PROXY_TLS_CLIENT_AUTH=required needs a CA: set CODER_AIBRIDGE_PROXY_TLS_CLIENT_CA_FILE',
      )
    }
    return undefined
  }
  if (proxy.tlsCertFile === undefined) {
    report.problems.push(
      'CODER_AIBRIDGE_PROXY_TLS_CLIENT_CA_FILE needs a listener that speaks TLS: set CODER_AIBRIDGE_PROXY_TLS_CERT_FILE and CODER_AIBRIDGE_PROXY_TLS_KEY_FILE',
    )
  }
  const caPem = readRoots(
    'client CA certificate (CODER_AIBRIDGE_PROXY_TLS_CLIENT_CA_FILE)',
    caFile,
    files,
  )
  if (caPem === undefined) return undefined
  return {
    caPem,
    required: auth === 'required',
    userFrom,
    userPrefix: userPrefix === '-' ? '' : userPrefix,
  }
}
