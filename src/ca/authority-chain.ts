import { type KeyObject, X509Certificate } from 'node:crypto'
import { ConfigurationError } from '../kernel/error.ts'
import { type CertificateFacts, readCertificateFacts } from './certificate-facts.ts'
import { pemBlocks } from './pem.ts'
import { readPublicFile } from './private-file.ts'

/** One certificate of the operator's CA file. */
export interface ChainLink {
  readonly pem: string
  readonly certificate: X509Certificate
  readonly facts: CertificateFacts
}

/** The CA that signs leaves, then whoever signed it, as far as the file goes. */
export type Chain = readonly [ChainLink, ...ChainLink[]]

const MAX_LINKS = 10

/**
 * Reads a certificate file. Throws ConfigurationError when it holds no
 * certificate, something that is none, or a private key.
 */
export async function readAuthorityChain(file: string): Promise<Chain> {
  const blocks = pemBlocks(await readPublicFile(file))
  // SECURITY: this file is served to everybody; a key in it is a key given away.
  if (blocks.some(block => block.label.includes('PRIVATE KEY'))) {
    throw problem(
      `${file} also holds a private key: keep certificates and key in files of their own`,
    )
  }
  if (blocks.length > MAX_LINKS) {
    throw problem(
      `${file} holds ${blocks.length} certificates: keep the CA and its own issuers only`,
    )
  }

  const links = blocks.map((block, index) => {
    if (block.label !== 'CERTIFICATE') {
      throw problem(`${file} holds a "${block.label}" block: keep only CERTIFICATE blocks`)
    }
    return parseLink(file, block.text, index)
  })
  const [first, ...rest] = links
  if (first === undefined) {
    throw problem(
      `${file} holds no PEM certificate: put the CA certificate there, or make one with \`aibridgeproxyd ca init\``,
    )
  }
  return [first, ...rest]
}

/** Whether it is a root: issued and signed by itself. */
export function isSelfSigned({ certificate }: ChainLink): boolean {
  return certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey)
}

/** RSA's modulus in bits; undefined for other keys. */
export function rsaBits(key: KeyObject): number | undefined {
  return key.asymmetricKeyType === 'rsa' ? key.asymmetricKeyDetails?.modulusLength : undefined
}

function parseLink(file: string, pem: string, index: number): ChainLink {
  try {
    const certificate = new X509Certificate(pem)
    // Reading the key here keeps an unknown algorithm from surfacing later.
    void certificate.publicKey
    return { pem, certificate, facts: readCertificateFacts(certificate) }
  } catch {
    throw problem(
      `${file}: certificate ${index + 1} cannot be read: replace it with a valid PEM certificate`,
    )
  }
}

function problem(text: string): ConfigurationError {
  return new ConfigurationError([text])
}
