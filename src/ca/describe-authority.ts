import { type Chain, readAuthorityChain, rsaBits } from './authority-chain.ts'
import { describeSubtrees } from './name-constraints.ts'

/** What anybody may know about a CA; every field comes from its certificate. */
export interface AuthorityDescription {
  readonly subject: string
  readonly issuer: string
  /** SHA-256, colon-separated. */
  readonly fingerprint: string
  /** Milliseconds. */
  readonly validFrom: number
  readonly expiresAt: number
  readonly keyType: string
  /** Without name constraints any host may be signed for. */
  readonly names: { readonly permitted: string[]; readonly excluded: string[] } | undefined
  /** How many certificates the file holds. */
  readonly certificates: number
  readonly trustPem: string
}

/**
 * Describes the certificate file of a CA. The key is not needed, so that users
 * who may not read it can look, too. Throws ConfigurationError.
 */
export async function describeAuthorityFile(certFile: string): Promise<AuthorityDescription> {
  const chain = await readAuthorityChain(certFile)
  const [{ certificate, facts }] = chain
  const constraints = facts.nameConstraints
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    fingerprint: certificate.fingerprint256,
    validFrom: certificate.validFromDate.getTime(),
    expiresAt: certificate.validToDate.getTime(),
    keyType: keyType(chain),
    names: constraints && {
      permitted: describeSubtrees(constraints.permitted),
      excluded: describeSubtrees(constraints.excluded),
    },
    certificates: chain.length,
    trustPem: chain.map(link => link.pem).join(''),
  }
}

function keyType([{ certificate }]: Chain): string {
  const key = certificate.publicKey
  const bits = rsaBits(key)
  if (bits !== undefined) return `RSA ${bits}`
  const curve = key.asymmetricKeyDetails?.namedCurve
  return curve === 'prime256v1' ? 'ECDSA P-256' : (curve ?? key.asymmetricKeyType ?? 'unknown')
}

/** Node gives `undefined` at run time for an empty name. */
function oneLine(name: string | undefined): string {
  return (name ?? '').replaceAll('\n', ', ')
}
