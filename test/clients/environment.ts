import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import type { DaemonProcess } from '../support/daemon-process.ts'

export type Environment = Readonly<Record<string, string>>

/** The user whose token the clients carry. */
export const USER = 'clients'

/** The variables that the daemon's users set: the proxy, and trust in its CA. */
export async function clientEnvironment(
  daemon: DaemonProcess,
  token: string,
  dir: string,
): Promise<Environment> {
  const response = await fetch(`${daemon.apiUrl}/api/v2/aibridge/proxy/ca-cert.pem`)
  if (!response.ok) throw new Error(`the CA certificate is not served: ${response.status}`)
  const ca = await response.text()
  await mkdir(dir, { recursive: true })
  const caFile = join(dir, 'ca.pem')
  const bundle = join(dir, 'bundle.pem')
  await writeFile(caFile, ca)
  await writeFile(bundle, [...rootCertificates, ca].join('\n'))

  const proxy = `http://${USER}:${token}@${daemon.proxy.host}:${daemon.proxy.port}`
  return {
    HTTPS_PROXY: proxy,
    https_proxy: proxy,
    NODE_USE_ENV_PROXY: '1',
    NO_PROXY: 'localhost,127.0.0.1',
    NODE_EXTRA_CA_CERTS: caFile,
    ...replacing(bundle),
  }
}

/** For tunnelled servers on this machine: their CA instead, and no exception for localhost. */
export function tunnelEnvironment(caFile: string): Environment {
  return { NODE_EXTRA_CA_CERTS: caFile, NO_PROXY: '', ...replacing(caFile) }
}

/** The variables whose file replaces the system's roots. */
function replacing(file: string): Environment {
  return {
    SSL_CERT_FILE: file,
    REQUESTS_CA_BUNDLE: file,
    CURL_CA_BUNDLE: file,
    GIT_SSL_CAINFO: file,
    CODEX_CA_CERTIFICATE: file,
  }
}
