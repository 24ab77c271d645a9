import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { getCACertificates } from 'node:tls'
import { replaceFile } from './atomic-file.ts'
import { pemBlocks } from './pem.ts'

export interface TrustFiles {
  /** Our CA, with its issuers if the operator's file has them, and the one that it overlaps with. */
  readonly caFile: string
  /** System roots and that. */
  readonly bundleFile: string
}

/**
 * The variables that replace a client's roots, or do so in some versions: they
 * need the whole bundle. SSL_CERT_DIR is left alone, since curl would then
 * overlook SSL_CERT_FILE.
 */
const BUNDLE_VARIABLES = [
  'SSL_CERT_FILE',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'GIT_SSL_CAINFO',
  'PIP_CERT',
  'AWS_CA_BUNDLE',
  'CARGO_HTTP_CAINFO',
  'CODEX_CA_CERTIFICATE',
  'DENO_CERT',
  'GRPC_DEFAULT_SSL_ROOTS_FILE_PATH',
] as const

/**
 * Roots that Node bundles and roots of the system, each once, in PEM.
 * SECURITY: what is in `exclude` never counts, also under another certificate
 * with the same key. The system's store may well hold our own CA (SSL_CERT_FILE
 * may point at our bundle), and whoever trusted it towards a provider would
 * accept a certificate that we minted ourselves.
 */
export function systemRoots(exclude = ''): readonly string[] {
  const own = publicKeysOf(exclude)
  const roots = new Map<string, string>()
  for (const pem of [...getCACertificates('bundled'), ...getCACertificates('system')]) {
    const [block] = pemBlocks(pem)
    if (block === undefined) continue
    const id = block.text.replaceAll(/\s/g, '')
    if (!roots.has(id) && !holdsOneOf(block.text, own)) roots.set(id, block.text)
  }
  return [...roots.values()]
}

/** One PEM that a client can use in place of its own roots. */
export function trustBundle(caPem: string): string {
  return [...systemRoots(caPem), ...pemBlocks(caPem).map(block => block.text)].join('')
}

/** Environment that makes each runtime trust us; NODE_EXTRA_CA_CERTS only adds. */
export function trustVariables(files: TrustFiles): Readonly<Record<string, string>> {
  const bundled = BUNDLE_VARIABLES.map(name => [name, files.bundleFile] as const)
  return { NODE_EXTRA_CA_CERTS: files.caFile, ...Object.fromEntries(bundled) }
}

/**
 * Writes `trusted.pem` and `bundle.pem` (0644) into `directory` when they are
 * not there as they should be. Their names stay when the CA changes, so that
 * clients which know them find the next one in them.
 */
export async function writeTrustFiles(directory: string, trustPem: string): Promise<TrustFiles> {
  const files = {
    caFile: join(directory, 'trusted.pem'),
    bundleFile: join(directory, 'bundle.pem'),
  }
  await writeWhenChanged(files.caFile, trustPem)
  await writeWhenChanged(files.bundleFile, trustBundle(trustPem))
  return files
}

async function writeWhenChanged(file: string, wanted: string): Promise<void> {
  const present = await readFile(file, 'utf8').catch(() => undefined)
  if (present !== wanted) await replaceFile(file, wanted, 0o644)
}

/** DER of each certificate's SubjectPublicKeyInfo. */
function publicKeysOf(pem: string): Buffer[] {
  return pemBlocks(pem).map(({ text }) =>
    new X509Certificate(text).publicKey.export({ type: 'spki', format: 'der' }),
  )
}

/**
 * Whether a certificate is about one of these keys. Its DER holds the key as it
 * is, so that hundreds of roots need not be parsed: that would take 0.1 s.
 */
function holdsOneOf(pem: string, keys: readonly Buffer[]): boolean {
  const der = Buffer.from(pem.replaceAll(/-----[^-]+-----/g, ''), 'base64')
  return keys.some(key => der.includes(key))
}
